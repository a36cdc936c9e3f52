"""``kill -9`` of the command at any point, and then the same command again: the wanted state, and nothing stray."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Command

UP = ("up", "--yes", "--service", "mnist-onnx")


def kill_at(command: Command, *words: str, after: float) -> bool:
    """Run the command and kill it after some seconds; whether it was still running then."""
    child = subprocess.Popen(
        command.arguments(*words), env=command.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        child.wait(after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
        return True
    return False


def steps(command: Command, *words: str) -> float:
    """Seconds that a command takes here, so that the kills fall all over it."""
    began = time.monotonic()
    command(*words)
    return time.monotonic() - began


def settled(command: Command) -> None:
    """The service answers, nothing is left to do, and down leaves no process and no file of the service."""
    command(*UP)
    assert json.loads(command("score", "mnist-onnx"))
    assert json.loads(command("plan", "--service", "mnist-onnx", "-o", "json"))["changed"] is False


@pytest.mark.parametrize("part", [0.3, 0.5, 0.65, 0.8, 0.9, 0.97])
def test_up_killed_at_any_point_is_finished_by_the_next_up(command: Command, part: float) -> None:
    whole = steps(command, *UP)
    command("down", "--yes", "--service", "mnist-onnx")
    assert command.processes() == []

    kill_at(command, *UP, after=whole * part)
    settled(command)
    alive = command.processes()
    command("up", "--yes", "--service", "mnist-onnx")
    assert {process.pid for process in alive} == {process.pid for process in command.processes()}
    command("down", "--yes", "--service", "mnist-onnx")
    assert command.processes() == []


@pytest.mark.parametrize("part", [0.4, 0.7, 0.9])
def test_down_killed_at_any_point_is_finished_by_the_next_down(command: Command, part: float) -> None:
    command(*UP)
    whole = steps(command, "status")
    kill_at(command, "down", "--yes", "--service", "mnist-onnx", after=whole * (1 + part))
    command("down", "--yes", "--service", "mnist-onnx")
    assert command.processes() == []
    settled(command)
