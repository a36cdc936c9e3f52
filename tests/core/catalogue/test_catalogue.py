"""The shipped facts hang together, and a user's file changes them row by row."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from scorewright import catalogue
from scorewright.catalogue import FRAMEWORKS, KEYS, Catalogue, load, model_of, shipped
from scorewright.catalogue.reference import page
from scorewright.errors import ScorewrightError

if TYPE_CHECKING:
    from scorewright.catalogue import Extension

TABLES = [*KEYS, *FRAMEWORKS]
SHIPPED = shipped()


@pytest.mark.parametrize("table", TABLES)
def test_every_row_is_valid_and_bears_a_source_and_a_date(table: str) -> None:
    rows = json.loads(files(catalogue).joinpath("data", f"{table}.json").read_bytes())
    assert rows
    for row in rows:
        checked = model_of(table).model_validate_json(json.dumps(row), strict=True)
        assert checked.source and all(checked.source)
        assert checked.as_of is not None


@pytest.mark.parametrize("table", TABLES)
def test_no_key_stands_twice(table: str) -> None:
    rows = json.loads(files(catalogue).joinpath("data", f"{table}.json").read_bytes())
    keys = [row[KEYS.get(table, "minor")] for row in rows]
    assert len(keys) == len(set(keys))


def test_every_vm_size_names_a_gpu_a_driver_and_a_successor_that_exist() -> None:
    for size in SHIPPED.vm_sizes.values():
        assert size.gpu in SHIPPED.gpus
        assert size.driver is None or size.driver in SHIPPED.drivers
        assert (size.aks == "yes") == (size.driver is not None), size.size
        if size.gone:
            assert size.replacement is not None
            assert not SHIPPED.vm_sizes[size.replacement].gone
            assert SHIPPED.vm_sizes[size.replacement].aks == "yes"


def test_gpu_memory_of_a_size_is_that_of_its_gpus() -> None:
    for size in SHIPPED.vm_sizes.values():
        whole = SHIPPED.gpus[size.gpu].memory_gib * size.gpu_count
        assert size.gpu_memory_gib == pytest.approx(whole, rel=0.01), size.size


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_build_names_a_toolkit_that_exists_and_its_driver_floor(framework: str) -> None:
    for release in SHIPPED.releases(framework).values():
        for build in release.builds:
            if build.cuda in SHIPPED.toolkits:
                assert build.min_driver == SHIPPED.toolkits[build.cuda].min_driver, (release.minor, build.tag)
            else:
                assert any(key.split(".")[0] == build.cuda for key in SHIPPED.toolkits), (release.minor, build.cuda)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_releases_have_builds_pythons_and_a_latest_patch_or_nothing_at_all(framework: str) -> None:
    for minor, release in SHIPPED.releases(framework).items():
        assert bool(release.patches) == bool(release.builds) == bool(release.pythons), minor
        if release.patches:
            assert release.latest in release.patches
            assert sum(build.default for build in release.builds) == 1
        for patch in release.patches:
            assert Version(patch).release[:2] == Version(minor).release


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_one_release_of_each_framework_is_tested_and_runs_on_the_servers_pythons(framework: str) -> None:
    tested = [release for release in SHIPPED.releases(framework).values() if release.tested]
    server = SHIPPED.servers["azureml-inference-server-http"]
    assert len(tested) == 1
    assert set(tested[0].pythons) & set(server.pythons)


def test_every_image_build_but_those_that_say_why_has_an_image_with_a_tag() -> None:
    without = []
    for framework in FRAMEWORKS:
        for release in SHIPPED.releases(framework).values():
            for build in release.builds:
                if build.libraries == "image" and not any(
                    image.tag and image.cuda and SpecifierSet(build.image_cuda or "").contains(_minor(image.cuda))
                    for image in SHIPPED.images.values()
                ):
                    without.append(f"{framework} {release.minor}")
    assert without == [
        *(f"tensorflow 2.{minor}" for minor in (18, 19, 20, 21)),
        *(f"onnxruntime 1.{minor}" for minor in (24, 25, 26, 27, 28, 29, 30, 31)),
    ]


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def test_toolkits_and_drivers_agree() -> None:
    for driver in SHIPPED.drivers.values():
        if driver.driver is None:
            assert driver.max_cuda_major is None
            continue
        ran = [kit for kit in SHIPPED.toolkits.values() if Version(driver.driver) >= Version(kit.min_driver)]
        assert max(int(kit.toolkit.split(".")[0]) for kit in ran) == driver.max_cuda_major


def test_conflicts_name_real_requirements() -> None:
    for conflict in SHIPPED.conflicts.values():
        assert [Requirement(package) for package in conflict.packages]


def test_sizes_are_found_in_any_case_and_by_a_near_name() -> None:
    found = SHIPPED.vm_size("standard_nc4as_t4_V3")
    assert found is not None and found.size == "Standard_NC4as_T4_v3"
    assert SHIPPED.vm_size("Standard_D4s_v3") is None
    near = SHIPPED.nearest_vm_size("Standard_NC4as_T4v3")
    assert near is not None and near.size == "Standard_NC4as_T4_v3"
    assert SHIPPED.nearest_vm_size("qqq") is None


def test_a_users_file_changes_single_fields_and_adds_rows(tmp_path: Path) -> None:
    (tmp_path / "scorewright-catalogue.yaml").write_text(
        "vm_sizes:\n"
        "  Standard_NC4as_T4_v3:\n"
        "    price: {usd_per_hour: 0.4, source: our contract}\n"
        "  Contoso_Cloud_T4:\n"
        "    {series: own, vcpu: 8, memory_gib: 32, gpu: T4, gpu_count: 1, gpu_memory_gib: 16, driver: cuda-lts}\n"
        'pytorch:\n  "2.16":\n    {latest: "2.16.0", patches: ["2.16.0"], pythons: ["3.13"], cpu_package: torch}\n'
    )
    found = load(tmp_path)
    changed, added = found.vm_sizes["Standard_NC4as_T4_v3"], found.vm_sizes["Contoso_Cloud_T4"]
    assert changed.price is not None and changed.price.usd_per_hour == 0.4
    assert changed.vcpu == 4
    assert changed.source[-1] == str(tmp_path / "scorewright-catalogue.yaml")
    assert added.vcpu == 8 and added.as_of is None
    assert found.releases("pytorch")["2.16"].latest == "2.16.0"
    assert shipped().vm_sizes["Standard_NC4as_T4_v3"].price != changed.price


def test_the_file_beside_the_deploy_file_wins_over_the_variable_and_both_over_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everywhere, here = tmp_path / "all.yaml", tmp_path / "here"
    here.mkdir()
    everywhere.write_text("gpus: {T4: {memory_gib: 15, name: ours}}\n")
    (here / "scorewright-catalogue.yaml").write_text("gpus: {T4: {memory_gib: 14}}\n")
    monkeypatch.setenv("SCOREWRIGHT_CATALOGUE", str(everywhere))
    found = load(here, [("a plugin", {"gpus": {"T4": {"memory_gib": 1, "architecture": "theirs"}}})])
    gpu = found.gpus["T4"]
    assert (gpu.memory_gib, gpu.name, gpu.architecture) == (14, "ours", "theirs")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a list", "mapping of table names"),
        ("gpus: [T4]", "gpus"),
        ("gpus: {T4: 16}", "gpus.T4"),
        ("pytorch: {2.16: {}}", "not a string"),
        ("gpus: {T4: {memory: 16}}", "gpus.T4.memory"),
        ("gpus: {NEW: {name: x}}", "gpus.NEW"),
        ("gpus: {", "not a catalogue"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "scorewright-catalogue.yaml").write_text(text)
    with pytest.raises(ScorewrightError) as caught:
        load(tmp_path).gpus  # noqa: B018  # a table loads on first use
    assert caught.value.code == "SW1301"
    assert said in f"{caught.value} {caught.value.cause}"


def test_a_missing_file_in_the_variable_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOREWRIGHT_CATALOGUE", str(tmp_path / "none.yaml"))
    with pytest.raises(ScorewrightError, match="not a catalogue"):
        load()


def test_a_plugins_own_framework_gets_its_own_table() -> None:
    facts: Extension = {
        "acme": {"1.0": {"latest": "1.0.0", "patches": ["1.0.0"], "pythons": ["3.12"], "cpu_package": "acme"}}
    }
    assert Catalogue([("acme plugin", facts)]).releases("acme")["1.0"].cpu_package == "acme"
    assert not Catalogue().releases("acme")


def test_the_reference_page_is_that_of_the_models() -> None:
    written = Path(__file__).parents[3] / "docs" / "reference" / "catalogue.md"
    assert written.read_text(encoding="utf-8") == page(), "python -m scorewright.catalogue.reference writes it"
