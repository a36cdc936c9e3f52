"""Every fault that can be rehearsed, against a first deployment and against a new version of a live service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.plugins.azureml.conftest import ONNX
from tests.plugins.azureml.interruptions import EXHAUSTIVE

from scorewright.errors import ScorewrightError
from scorewright.plan import Action
from scorewright_azureml import connection
from scorewright_rehearse.catalogue import FAULTS
from scorewright_rehearse.plane import Durations

if TYPE_CHECKING:
    from tests.plugins.azureml.conftest import Azure

    from scorewright.spec.models import Spec

AT_START = {"login-refused", "workspace-gone"}
"""What only a fresh process of the SDK meets."""
SURVIVED = {"throttle", "http-500", "http-503", "drop", "lost-answer", "busy", "slow"}
"""What ends well without anybody's help."""
CODES = {
    "quota": "SW22",
    "retired-size": "SW22",
    "image-build": "SW22",
    "image-pull": "SW22",
    "no-gpu": "SW22",
    "init-crash": "SW2",
    "crash-loop": "SW",
    "deploy-timeout": "SW2",
    "name-taken": "SW2",
    "forbidden": "SW2",
    "login-refused": "SW2",
    "workspace-gone": "SW2",
    "silent": "SW2105",
    "upload-corrupt": "SW2105",
}
"""How the codes begin; 22xx are causes that the failure doctor knows."""
NEW_VERSION = [name for name in CODES if name not in AT_START | {"quota", "retired-size"}]
SAMPLE = {"quota", "no-gpu", "login-refused", "upload-corrupt"}
SAMPLE_OF_NEW_VERSION = ["crash-loop", "name-taken"]


def test_every_fault_has_its_end_here() -> None:
    assert {fault.name for fault in FAULTS} == CODES.keys() | SURVIVED


def attempt(azure: Azure, spec: Spec, fault: str, monkeypatch: pytest.MonkeyPatch) -> ScorewrightError | None:
    """Run `up` with a fault in force, and lift it."""
    if fault in AT_START:
        connection.close()
    if fault == "silent":
        monkeypatch.setattr(connection, "WRITE_SECONDS", 3.0)
    if fault == "slow":
        azure.emulator._plane.durations = Durations(*[0.2] * 7)  # as `slow` does, in less time
    else:
        azure.emulator.fault(fault)
    try:
        azure.up(spec)
    except ScorewrightError as error:
        return error
    finally:
        azure.emulator.calm()
        azure.emulator.settled()
        if fault in AT_START:
            connection.close()
    return None


def check(fault: str, error: ScorewrightError | None) -> None:
    """The fault is survived, or its error says what is wrong and what to do."""
    if fault in SURVIVED:
        assert error is None
        return
    assert error is not None
    assert error.code.startswith(CODES[fault]), error.to_dict()
    assert error.cause
    assert error.steps


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS if EXHAUSTIVE or fault.name in SAMPLE])
def test_a_first_deployment_meets_a_fault(azure: Azure, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = azure.spec()
    check(fault, attempt(azure, spec, fault, monkeypatch))
    world = azure.emulator.world
    if fault not in SURVIVED:
        assert [name for name, service in world.services.items() if service.settings["computeName"] != "theirs"] == []
    if fault == "name-taken":
        azure.emulator.change(lambda world: world.services.clear())
    azure.up(spec)
    assert {step.action for step in azure.run.plan(spec).steps} == {Action.KEEP}
    assert azure.down(spec) == ()
    world = azure.emulator.world
    assert (list(world.computes), list(world.services), list(world.models)) == ([], [], [])


@pytest.mark.parametrize("fault", NEW_VERSION if EXHAUSTIVE else SAMPLE_OF_NEW_VERSION)
def test_a_new_version_meets_a_fault_and_the_old_one_stays(
    azure: Azure, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.up(azure.spec())
    before = azure.service()
    spec = azure.spec(ONNX + "    output: argmax\n")
    check(fault, attempt(azure, spec, fault, monkeypatch))
    assert azure.service() == before
    assert azure.emulator.world.services["digits"].state == "Healthy"
    ours = [name for name, service in azure.emulator.world.services.items() if service.settings["kvTags"]]
    assert ours == ["digits"]
    if fault == "name-taken":
        azure.emulator.change(lambda world: world.services.__delitem__("digits-next"))
    azure.up(spec)
    assert {step.action for step in azure.run.plan(spec).steps} == {Action.KEEP}
    assert azure.down(spec) == ()
