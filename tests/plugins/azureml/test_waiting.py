"""Waiting: stages by name, from what Azure and the container's log tell, with reminders and a deadline each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.plugins.azureml.conftest import ONNX, Azure

from scorewright.errors import ApplyError, DeploymentError
from scorewright_azureml import waiting
from scorewright_azureml.containers import Logs, overlap
from scorewright_azureml.waiting import INIT, PROBE, SCHEDULE, Clock, Stage
from scorewright_rehearse.plane import Durations

if TYPE_CHECKING:
    from collections.abc import Callable

    from scorewright.events import Event

BOOT = "Starting gunicorn"
SERVES = "2026-11-23 13:00:00,000 I [21] azmlinfsrv.scorewright - serving digits:1 on cuda:0 Tesla T4"


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    moved = Time()
    monkeypatch.setattr(waiting, "time", moved)
    return moved


def test_a_stage_is_told_once_then_every_minute_and_ends_at_its_deadline(time: Time) -> None:
    events: list[Event] = []
    clock = Clock(events.append, "service/digits", began=990.0)
    stage = Stage("image build", 120, 300)
    for _ in range(30):
        clock.enter(stage)
        time.now += 10
    assert [(event.message, event.elapsed) for event in events] == [
        ("waiting (typically 2 min)", 10.0),
        ("waiting for 70 s (typically 2 min)", 80.0),
        ("waiting for 2 min, longer than usual (typically 2 min)", 150.0),
        ("waiting for 4 min, longer than usual (typically 2 min)", 220.0),
        ("waiting for 5 min, longer than usual (typically 2 min)", 290.0),
    ]
    time.now += 10
    with pytest.raises(DeploymentError, match="stuck in stage 'image build'") as caught:
        clock.enter(stage)
    assert caught.value.code == "SW2110"


def test_the_next_stage_has_its_own_time(time: Time) -> None:
    clock = Clock(lambda event: None, "service/digits")
    clock.enter(Stage("one", 1, 10))
    time.now += 20
    clock.enter(Stage("two", 1, 10))
    time.now += 9
    clock.enter(Stage("two", 1, 10))


def test_the_log_tells_how_far_a_container_is() -> None:
    told: list[tuple[str, str]] = []
    text = ""
    logs = Logs(lambda: text, lambda line, stage: told.append((line, stage)))
    logs.new()
    assert logs.stage(False) is SCHEDULE
    text = BOOT
    assert logs.stage(False) is INIT
    text += f"\n{SERVES}"
    assert logs.stage(False) is PROBE
    text = ""  # a look that fails does not take it back
    assert logs.stage(False) is PROBE
    assert told == [(BOOT, "init"), (SERVES, "probe")]


def test_the_log_of_the_version_before_tells_nothing_of_an_update() -> None:
    told: list[str] = []
    text = f"{BOOT}\n{SERVES}"
    logs = Logs(lambda: text, lambda line, stage: told.append(line))
    assert logs.stage(False) is SCHEDULE
    assert logs.stage(False) is SCHEDULE
    text = "the new one starts"
    assert logs.stage(False) is INIT
    assert told == ["the new one starts"]


def test_nothing_is_read_where_there_is_nothing_to_wait_for() -> None:
    def read() -> str:
        raise AssertionError

    assert Logs(read, lambda line, stage: None).stage(True) is SCHEDULE


def test_lines_that_scroll_away_are_not_told_twice() -> None:
    assert overlap(["a", "b", "c"], ["b", "c", "d"]) == 2
    assert overlap(["a", "b"], ["a", "b"]) == 2
    assert overlap(["a"], ["x", "y"]) == 0


def test_the_cause_of_a_failed_build_is_read_from_the_builds_own_log(azure: Azure) -> None:
    azure.emulator.fault("image-build")
    with pytest.raises(ApplyError) as caught:
        azure.up(azure.spec())
    assert caught.value.code == "SW2281"
    assert "no-such-package" in str(caught.value.to_dict())
    assert not azure.emulator.requests.all("services.logs")[0].body
    (told,) = [event for event in azure.events if event.message == "build log of digits"]
    assert "ResolvePackageNotFound" in str(told.data["text"])


@pytest.mark.parametrize(
    ("fault", "code"), [("deploy-timeout", "SW2238"), ("name-taken", "SW2261"), ("forbidden", "SW2271")]
)
def test_a_cause_is_known_by_the_codes_of_the_answer(azure: Azure, fault: str, code: str) -> None:
    azure.emulator.fault(fault)
    with pytest.raises(ApplyError) as caught:
        azure.up(azure.spec())
    assert caught.value.code == code


def test_every_stage_of_a_deployment_is_told_with_the_containers_log(running: Callable[[], Azure]) -> None:
    azure = running()
    azure.emulator._plane.durations = Durations(*[0.3] * 7)
    azure.up(azure.spec(ONNX))
    stages = [
        event.stage for event in azure.events if event.kind == "step.progress" and event.subject == "service/digits"
    ]
    first = list(dict.fromkeys(stages))
    assert [stage for stage in first if stage != "probe"] == [
        "upload",
        "image build",
        "schedule and pull",
        "init",
        "golden request",
        "settings",
    ]
    lines = [event for event in azure.events if event.kind == "log" and event.subject == "service/digits"]
    assert {event.stage for event in lines} >= {"init"}
    waits = [event for event in azure.events if event.subject == "service/digits" and event.stage in first]
    elapsed = [event.elapsed for event in waits if event.elapsed is not None]
    assert elapsed == sorted(elapsed)
