"""``scorewright rehearse``, as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "mnist" / "deploy.yaml"


def rehearse(*words: str, code: int = 0) -> Any:  # noqa: ANN401 - whatever the command answered
    """The command's one JSON document."""
    command = [sys.executable, "-m", "scorewright", "rehearse", *words, "-f", str(EXAMPLE), "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_faults_are_listed_with_what_they_do() -> None:
    assert "nodes" in rehearse("--list-faults")["image-pull"]


def test_an_unknown_fault_is_refused_with_those_that_there_are() -> None:
    error = rehearse("--fault", "no-such", code=2)["error"]
    assert error["code"] == "SW2302"
    assert "quota" in str(error["steps"])


def test_a_fault_is_repaired_by_the_second_up_and_nothing_is_left() -> None:
    report = rehearse("--service", "mnist-onnx", "--fault", "no-gpu")
    acts = {act["name"]: act["failure"] for act in report["acts"]}
    assert acts.pop("up")["code"] == "SW2231"
    assert acts == {"up once more": None, "score": None, "down": None}
    assert report["left"] == []
