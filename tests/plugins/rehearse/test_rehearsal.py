"""A deploy file through the real SDK, the emulator and real containers: what a team sees before it owns a cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import scorewright
from scorewright.errors import ScorewrightError
from scorewright_rehearse.rehearsal import rehearse

if TYPE_CHECKING:
    from scorewright_rehearse.world import JsonObject

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "mnist"
DEPLOY = f"""\
scorewright: 1
cluster: {{name: aks-gpu, vm_size: Standard_NC4as_T4_v3, node_count: 6}}
services:
  digits:
    model: {{path: {EXAMPLE}/models/mnist.onnx}}
    framework: {{name: onnx, version: "1.31"}}
    replicas: 3
    sample: {{input: {EXAMPLE}/sample.json, expect: {EXAMPLE}/expect.json}}
"""
SCRIPT = """
import json, sys
import scorewright
from scorewright_rehearse.rehearsal import rehearse
report = rehearse(scorewright.load(sys.argv[1]), **json.loads(sys.argv[2]))
sys.stdout.write(json.dumps({"text": str(report)} | report.to_dict()))
"""


def rehearsed(folder: Path, **options: object) -> JsonObject:
    """Rehearse in a process of its own, as the command does: the SDK reads its settings when it is imported."""
    (folder / "deploy.yaml").write_text(DEPLOY)
    command = [sys.executable, "-c", SCRIPT, str(folder / "deploy.yaml"), json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    report: JsonObject = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.mark.parametrize("new_version", [False, True])
def test_rehearsal_goes_up_scores_and_leaves_nothing(tmp_path: Path, new_version: bool) -> None:
    report = rehearsed(tmp_path, new_version=new_version)
    assert report["ok"], report["text"]
    later = ["new version", "score again"] if new_version else []
    assert [act["name"] for act in report["acts"]] == ["up", "up again", "score", *later, "down"]
    assert "service/digits" in {stage["subject"] for stage in report["acts"][0]["stages"]}
    assert {"computes.put", "models.create", "services.create"} <= {request["action"] for request in report["sent"]}
    assert report["acts"][0]["writes"] > 5


def test_fault_on_the_way_up_is_shown_and_repaired(tmp_path: Path) -> None:
    report = rehearsed(tmp_path, faults=["init-crash"])
    acts = {act["name"]: act["failure"] for act in report["acts"]}
    assert not report["ok"]
    assert acts["up"] is not None
    assert [name for name, failure in acts.items() if failure] == ["up"]
    assert "up           " in report["text"]
    assert "failed: SW" in report["text"]
    assert report["left"] == []


def test_failing_new_version_leaves_the_old_one_serving(tmp_path: Path) -> None:
    report = rehearsed(tmp_path, faults=["init-crash"], new_version=True)
    failed = [act["name"] for act in report["acts"] if act["failure"]]
    assert failed == ["new version"], report["text"]
    assert report["left"] == []


def test_unknown_fault_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text(DEPLOY)
    with pytest.raises(ScorewrightError, match="there is no fault named 'typo'"):
        rehearse(scorewright.load(tmp_path / "deploy.yaml"), faults=["typo"], folder=tmp_path / "never")
    assert not (tmp_path / "never").exists()
