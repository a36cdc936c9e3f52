"""Combinations that people met, good and bad, come out as they did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from scorewright.compat import Need, decide
from scorewright.compat.conflicts import find

TABLE: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("combinations.yaml"))
ROWS: list[dict[str, Any]] = TABLE["rows"]
NEEDS = [row for row in ROWS if "need" in row]
PACKAGES = [row for row in ROWS if "packages" in row]


def _id(row: dict[str, Any]) -> str:
    return " ".join(map(str, row.get("need", {}).values())) or " ".join(row["packages"])


def test_there_are_at_least_eighty_and_each_has_a_public_source() -> None:
    assert len(ROWS) >= 80
    assert len({_id(row) for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert TABLE["sources"].get(row["source"], row["source"]).startswith("https://")


@pytest.mark.parametrize("row", NEEDS, ids=_id)
def test_a_need_comes_out_as_it_did_for_others(row: dict[str, Any]) -> None:
    asked = dict(row["need"])
    decision = decide(Need(vm_size=asked.pop("vm", None), **asked))
    reasons = [str(reason) for reason in decision.against]
    assert decision.ok == row["works"], reasons
    if "because" in row:
        said = reasons if not row["works"] else decision.resolution.choices
        assert any(row["because"] in line for line in said), said
    _check(row.get("gives", {}), decision)


def _check(gives: dict[str, str], decision: Any) -> None:  # noqa: ANN401  # read field by field below
    resolution = decision.resolution
    wanted = {
        "version": [resolution.version],
        "python": [resolution.python],
        "requires": [line for one in resolution.requirements for line in (one.gpu, *one.with_gpu)],
        "index": [requirement.index for requirement in resolution.requirements],
        "size": [decision.vm_size],
        "variable": list(resolution.variables),
        "warns": [finding.code for finding in resolution.findings if finding.level == "warning"],
    }
    for name, value in gives.items():
        if name == "image":
            assert value in resolution.image
        else:
            assert value in wanted[name], (name, wanted[name])


@pytest.mark.parametrize("row", PACKAGES, ids=_id)
def test_packages_clash_as_they_did_for_others(row: dict[str, Any]) -> None:
    clashes = [rule.id for rule in find(row["packages"])]
    assert clashes == ([row["clash"]] if row["clash"] else [])
