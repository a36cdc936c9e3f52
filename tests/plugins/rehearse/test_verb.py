"""``scorewright rehearse``, as it is typed."""

from __future__ import annotations

import json
import os
import signal
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


def shown_for(fault: str) -> subprocess.CompletedProcess[str]:
    """What a rehearsal of one service with a fault shows."""
    command = [sys.executable, "-m", "scorewright", "rehearse", "--quiet", "-f", str(EXAMPLE)]
    command += ["--service", "mnist-onnx", "--fault", fault]
    return subprocess.run(command, capture_output=True, text=True, check=False)


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


def test_a_taken_name_is_free_again_after_the_fault() -> None:
    report = rehearse("--service", "mnist-onnx", "--fault", "name-taken")
    acts = {act["name"]: act["failure"] for act in report["acts"]}
    assert acts.pop("up")["code"] == "SW2261"
    assert set(acts.values()) == {None}
    assert (report["ok"], report["recovered"], report["left"]) == (False, True, [])


def test_a_login_that_is_refused_stops_the_first_up() -> None:
    report = rehearse("--service", "mnist-onnx", "--fault", "login-refused")
    assert report["acts"][0]["failure"]["code"] == "SW2270"
    assert report["recovered"]


def test_a_fault_that_nothing_meets_is_said() -> None:
    done = shown_for("computes.delete")
    assert done.returncode == 2
    done = shown_for("busy:environments")
    assert done.returncode == 0, done.stderr
    assert "fault busy:environments: nothing asked for what it strikes" in done.stdout
    assert done.stdout.endswith("All went well, and nothing is left.\n")


def test_a_failure_is_shown_as_the_team_would_see_it() -> None:
    done = shown_for("quota")
    assert done.returncode == 0, done.stderr
    shown = done.stdout.partition("up showed:")[2]
    assert "error SW2251" in shown
    assert "Current Limit: 10" in shown
    assert "next: " in shown
    assert done.stdout.endswith("It went wrong as asked for, the rest went well, and nothing is left.\n")


def test_an_interrupt_ends_the_rehearsal_and_leaves_no_process() -> None:
    command = [sys.executable, "-m", "scorewright", "rehearse", "-f", str(EXAMPLE), "--service", "mnist-onnx"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stderr is not None
    for line in child.stderr:
        if "service/mnist-onnx: upload" in line:
            os.killpg(child.pid, signal.SIGINT)
            break
    out, told = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "interrupted: waiting for service/mnist-onnx" in told
    assert "delete" not in told + out
    listed = subprocess.run(["ps", "-eo", "sid="], capture_output=True, text=True, check=True).stdout.split()
    assert str(child.pid) not in listed
