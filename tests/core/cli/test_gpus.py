"""``scorewright gpus`` and the parts of ``check`` and ``lock`` that stand on facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from tests.core.cli.conftest import Invoke


def _sizes(scorewright: Invoke, *args: str) -> list[dict[str, Any]]:
    sizes: list[dict[str, Any]] = scorewright("gpus", "-o", "json", *args).json()["vm_sizes"]
    return sizes


def test_the_list_begins_with_the_cheapest_size_that_can_be_had(scorewright: Invoke) -> None:
    seen = scorewright("gpus")
    assert seen.code == 0
    assert seen.out.splitlines()[1].startswith("Standard_NC4as_T4_v3")
    assert "Standard_NC6 " not in seen.out and "NG8ads" not in seen.out
    assert seen.out.rstrip().endswith("Facts read on 2026-11-23; list prices, rough.")


def test_retired_sizes_and_other_makes_are_listed_on_demand(scorewright: Invoke) -> None:
    everything = {size["size"]: size for size in _sizes(scorewright, "--all")}
    assert everything["Standard_NC6"]["status"] == "retired"
    assert len(everything) == 71


def test_the_list_is_filtered_and_sorted(scorewright: Invoke) -> None:
    sizes = _sizes(scorewright, "a100", "--sort", "memory")
    memory = [size["gpu_memory_gib"] for size in sizes]
    assert memory == sorted(memory, reverse=True) and {size["gpu"] for size in sizes} == {"A100-40", "A100-80"}
    cheap = _sizes(scorewright, "--max-price", "1", "--min-memory", "16")
    assert [size["size"] for size in cheap] == ["Standard_NC4as_T4_v3", "Standard_NC8as_T4_v3"]
    names = [size["size"] for size in _sizes(scorewright, "--sort", "name")]
    assert names == sorted(names)


def test_nothing_that_matches_is_said_so(scorewright: Invoke) -> None:
    assert scorewright("gpus", "no-such-gpu").out.strip() == "No size matches."


def test_rows_of_the_users_are_listed(tmp_path: Path, scorewright: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = "{series: own, vcpu: 8, memory_gib: 32, gpu: T4, gpu_count: 1, gpu_memory_gib: 16, driver: cuda-lts}"
    (tmp_path / "scorewright-catalogue.yaml").write_text(f"vm_sizes: {{Contoso_T4: {row}}}\n")
    assert "Contoso_T4" in scorewright("gpus").out


def test_one_size_is_explained_with_what_it_runs(scorewright: Invoke) -> None:
    seen = scorewright("gpus", "--explain", "standard_nv6ads_a10_v5")
    assert seen.code == 0
    for said in ["driver   570.211.01", "pytorch 2.14.1 (cu126)", "onnxruntime 1.26.0 (extras)", "price    unknown"]:
        assert said in seen.out
    plain = scorewright("gpus", "--explain", "Standard_NC40ads_H100_v5", "-o", "json").json()
    assert plain["usable"] is True
    assert plain["newest"]["pytorch"] == "pytorch 2.15.0 (cu132)"


def test_a_size_that_is_gone_is_explained_with_its_successor(scorewright: Invoke) -> None:
    plain = scorewright("gpus", "--explain", "Standard_NC6", "-o", "json").json()
    assert (plain["usable"], plain["successor"], plain["newest"]) == (False, "Standard_NC4as_T4_v3", {})
    assert "retired on 2023-09-06" in plain["against"]


def test_a_size_that_is_not_known_gets_the_nearest(scorewright: Invoke) -> None:
    seen = scorewright("gpus", "--explain", "Standard_NC4as_T4v3")
    assert seen.code == 2
    assert "SW1311" in seen.err and "did you mean Standard_NC4as_T4_v3?" in seen.err


def test_findings_come_as_sarif_even_where_the_file_cannot_be_read(project: Path, scorewright: Invoke) -> None:
    good = scorewright("check", "-o", "sarif")
    assert (good.code, good.json()["version"]) == (0, "2.1.0")
    with (project / "deploy.yaml").open("a") as file:
        file.write("\nnonsense: 1\n")
    bad = scorewright("check", "-o", "sarif")
    (result, *_) = bad.json()["runs"][0]["results"]
    assert bad.code == 2
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] > 1


def test_a_plan_prices_the_cluster_and_a_thousand_requests(project: Path, scorewright: Invoke) -> None:
    with (project / "deploy.yaml").open("a") as file:
        file.write("cluster: {name: aks-gpu, node_count: 3}\n")
    seen = scorewright("plan", "--rate", "10")
    assert "3 x Standard_NC4as_T4_v3: about $1.58 an hour, $1,152 a month" in seen.out
    assert "At 10 requests/s all the time: $0.0438 per 1,000 requests" in seen.out
    price = scorewright("plan", "-o", "json").json()["cluster_price"]
    assert (price["hourly_usd"], price["per_thousand_usd"]) == (1.578, None)


def test_a_plan_says_unknown_where_the_price_is_not_known(project: Path, scorewright: Invoke) -> None:
    with (project / "deploy.yaml").open("a") as file:
        file.write("cluster: {name: aks-gpu, vm_size: Standard_ND96isr_H200_v5}\n")
    assert "3 x Standard_ND96isr_H200_v5: price unknown" in scorewright("plan").out
