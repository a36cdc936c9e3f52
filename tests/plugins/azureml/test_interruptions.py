"""Whatever request is lost, refused or the last one before a kill: the next run ends where an undisturbed one does.

The gate strikes a sample of the requests; with ``SCOREWRIGHT_EXHAUSTIVE=1`` in the environment every one is struck.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.plugins.azureml.conftest import ONNX
from tests.plugins.azureml.interruptions import EFFECTS, EXHAUSTIVE, SLOW, Scenario, Sweep

from scorewright_azureml import connection
from scorewright_rehearse.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugins.azureml.conftest import Azure

SCENARIOS = ("up", "new version", "down")
PAIRS = [(name, effect) for name in SCENARIOS for effect in EFFECTS]
if not EXHAUSTIVE:
    PAIRS = [("up", "lost"), ("new version", "500"), ("down", "dropped")]
HANDED_OUT_ONCE = ("login.configuration", "login.token", "subscriptions.list", "workspace.get", "discovery.get")
"""What an SDK process asks for when it starts."""


@pytest.fixture
def scenario(azure: Azure, empty: bytes) -> Callable[[str], Scenario]:
    """The runs that are interrupted, by name."""

    def make(name: str) -> Scenario:
        first = azure.spec()
        up = ("up", "--yes", "--quiet")
        if name == "up":
            return Scenario(name, up, empty, first, lambda: azure.up(first), ("digits", "digits.bundle"))
        azure.up(first)
        world = azure.emulator.snapshot()
        if name == "down":
            down = ("down", "--cluster", "--yes", "--quiet")
            return Scenario(name, down, world, first, lambda: azure.down(first), None)
        second = azure.spec(ONNX + "    output: argmax\n")
        models = ("digits", "digits.bundle", "digits.bundle")
        return Scenario(name, up, world, second, lambda: azure.up(second), models)

    return make


@pytest.mark.parametrize(("name", "effect"), PAIRS)
def test_one_request_goes_wrong(azure: Azure, scenario: Callable[[str], Scenario], name: str, effect: str) -> None:
    sweep = Sweep(azure, scenario(name))
    for number in sweep.sample(every=37, start=5 * list(EFFECTS).index(effect)):
        sweep.strike(f"{effect} to {number}", [Rule(EFFECTS[effect], number=number)])
    sweep.end()


@pytest.mark.parametrize(("name", "effect"), PAIRS)
def test_every_kind_of_write_goes_wrong_once(
    azure: Azure, scenario: Callable[[str], Scenario], name: str, effect: str
) -> None:
    sweep = Sweep(azure, scenario(name))
    actions = {request.action for request in sweep.scenario.requests if request.writes}
    quick = {action for action in actions if not action.startswith(SLOW)}
    sweep.strike(f"{effect} to all", [Rule(EFFECTS[effect], action) for action in (actions if EXHAUSTIVE else quick)])
    sweep.end()


@pytest.mark.skipif(not EXHAUSTIVE, reason="minutes; set SCOREWRIGHT_EXHAUSTIVE=1")
@pytest.mark.parametrize(("name", "effect"), PAIRS)
def test_a_write_goes_wrong_again_and_again(
    azure: Azure, scenario: Callable[[str], Scenario], name: str, effect: str
) -> None:
    sweep = Sweep(azure, scenario(name))
    writes = [request.action for request in sweep.scenario.requests if request.writes]
    for position, action in enumerate(writes):
        if not action.startswith(SLOW):
            skip = writes[:position].count(action)
            sweep.strike(f"{effect} to {action} {skip}", [Rule(EFFECTS[effect], action, skip=skip, times=20)])
    sweep.end()


@pytest.mark.parametrize("effect", EFFECTS if EXHAUSTIVE else ["dropped"])
def test_what_an_sdk_process_asks_when_it_starts_goes_wrong(
    azure: Azure, scenario: Callable[[str], Scenario], effect: str
) -> None:
    sweep = Sweep(azure, scenario("up"))
    for action in HANDED_OUT_ONCE if EXHAUSTIVE else HANDED_OUT_ONCE[3:4]:
        connection.close()
        sweep.strike(f"{effect} to {action}", [Rule(EFFECTS[effect], action)])
    sweep.end()


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_process_is_killed_after_a_request(
    azure: Azure, scenario: Callable[[str], Scenario], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a process that is killed leaves its temporary files
    sweep = Sweep(azure, scenario(name))
    for number in sweep.sample(every=40, start=17):
        sweep.kill(number, ["-t", "azureml", "-f", str(azure.file)])
    sweep.end()
