"""Steps are done side by side where they can be, in order where they must be, and a failure stops what needs it."""

from __future__ import annotations

import contextvars
import os
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorewright.errors import ApplyError, DeploymentError
from scorewright.execution import execute
from scorewright.plan import diff
from scorewright.target import LiveResource, Resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scorewright.events import Event
    from scorewright.execution import Task
    from scorewright.plan import Step

WAIT = 20.0


def resource(name: str, *below: str, version: int = 1) -> Resource:
    return Resource("service", name, {"version": version}, depends_on=tuple(f"service/{one}" for one in below))


def live(name: str, version: int = 0) -> LiveResource:
    return LiveResource("service", name, {"version": version}, ours=True, owned=True)


class Recorder:
    """Does tasks, writes down when each began and ended, and fails where it is told to."""

    def __init__(self, failing: Sequence[str] = ()) -> None:
        self.failing = failing
        self.order: list[tuple[str, str, bool]] = []
        self.events: list[Event] = []
        self._lock = threading.Lock()

    def __call__(self, task: Task) -> LiveResource | None:
        self._note("begin", task)
        if task.step.address in self.failing:
            raise DeploymentError("SW2005", f"{task.step.address} broke", cause="it is a test", steps=["look"])
        self._note("end", task)
        return None if task.delete else live(task.step.address.partition("/")[2], 1)

    def _note(self, what: str, task: Task) -> None:
        with self._lock:
            self.order.append((what, task.step.address, task.delete))

    def run(self, steps: Sequence[Step], workers: int = 4) -> dict[str, LiveResource]:
        return execute(steps, self, self.events.append, workers=workers, resume="scorewright up").live


def test_what_is_kept_is_not_touched() -> None:
    recorder = Recorder()
    recorder.run(diff([resource("a")], [live("a", 1)]))
    assert recorder.order == []


def test_independent_steps_run_side_by_side() -> None:
    barrier = threading.Barrier(3)
    steps = diff([resource(name) for name in "abc"], [])

    def act(task: Task) -> None:
        barrier.wait(WAIT)  # passes only if all three are here at once

    assert sorted(execute(steps, act, lambda event: None).done) == ["service/a", "service/b", "service/c"]


def test_no_more_steps_run_at_a_time_than_allowed() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def act(task: Task) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.002)
        with lock:
            running -= 1

    execute(diff([resource(f"s{number}") for number in range(12)], []), act, lambda event: None, workers=2)
    assert most <= 2


def test_a_failure_stops_what_depends_on_it_and_nothing_else() -> None:
    recorder = Recorder(failing=["service/a"])
    with pytest.raises(ApplyError) as caught:
        recorder.run(diff([resource("a"), resource("b", "a"), resource("c", "b"), resource("d")], []))
    error = caught.value
    assert error.code == "SW2005"
    assert error.summary == "service/a: service/a broke; not tried: service/b, service/c"
    assert error.done == ("service/d",)
    assert error.steps == ("look", "then go on with: scorewright up")
    assert {address for _, address, _ in recorder.order} == {"service/a", "service/d"}


def test_several_failures_are_all_told() -> None:
    with pytest.raises(ApplyError) as caught:
        Recorder(failing=["service/a", "service/b"]).run(diff([resource("a"), resource("b"), resource("c")], []))
    assert caught.value.code == "SW1703"
    assert set(caught.value.failures) == {"service/a", "service/b"}
    assert "service/b: service/b broke (SW2005): it is a test" in str(caught.value.cause)
    assert caught.value.steps == ("look", "then go on with: scorewright up")


def test_a_failure_holds_back_deletions() -> None:
    recorder = Recorder(failing=["service/new"])
    with pytest.raises(ApplyError, match="not tried: service/old"):
        recorder.run(diff([resource("new")], [live("old")]))


def test_an_exception_that_is_not_ours_is_named_and_kept() -> None:
    def act(task: Task) -> None:
        raise KeyError("id")

    with pytest.raises(ApplyError) as caught:
        execute(diff([resource("a")], []), act, lambda event: None)
    assert (caught.value.code, caught.value.cause) == ("SW1706", "KeyError: 'id'")
    assert isinstance(caught.value.failures["service/a"].__cause__, KeyError)


def test_replaced_resources_go_from_the_top_and_come_back_from_the_bottom() -> None:
    below = replace(resource("below"), replace_on=frozenset(["version"]))
    recorder = Recorder()
    recorder.run(diff([resource("above", "below"), below], [live("below"), live("above"), live("gone")]))
    ended = [(address, delete) for what, address, delete in recorder.order if what == "end"]
    assert ended == [
        ("service/above", True),
        ("service/below", True),
        ("service/below", False),
        ("service/above", False),
        ("service/gone", True),
    ]


@given(st.data())
def test_nothing_begins_before_what_it_needs_has_ended(data: st.DataObject) -> None:
    names = [f"s{index}" for index in range(data.draw(st.integers(1, 9)))]
    resources = [
        replace(
            resource(name, *sorted(data.draw(st.sets(st.sampled_from(names[:index]) if index else st.nothing())))),
            replace_on=frozenset(["version"]) if data.draw(st.booleans()) else frozenset(),
        )
        for index, name in enumerate(names)
    ]
    existing = [live(name, data.draw(st.integers(0, 1))) for name in [*names, "old"] if data.draw(st.booleans())]
    steps = diff(resources, existing)
    failing = data.draw(st.sets(st.sampled_from([f"service/{name}" for name in names]), max_size=1))
    recorder = Recorder(sorted(failing))
    try:
        recorder.run(steps)
        assert not failing & {step.address for step in steps if step.changed}
    except ApplyError as error:
        assert set(error.failures) == failing
    begun, ended = ({(address, delete): at for at, (what, address, delete) in enumerate(recorder.order) if what == half}
                    for half in ("begin", "end"))  # fmt: skip
    changed = {step.address for step in steps if step.changed}
    for step in steps:
        if (step.address, False) in begun:
            for name in set(step.depends_on) & changed:
                assert ended[name, False] < begun[step.address, False]
    if not failing:
        assert {address for address, _ in ended} == changed


def test_every_step_tells_of_its_beginning_and_its_end() -> None:
    recorder = Recorder(failing=["service/b"])
    with pytest.raises(ApplyError):
        recorder.run(diff([resource("a"), resource("b", "a")], []))
    assert [(event.kind, event.subject) for event in recorder.events] == [
        ("step.started", "service/a"),
        ("step.finished", "service/a"),
        ("step.started", "service/b"),
        ("step.failed", "service/b"),
    ]
    assert all(event.elapsed is not None for event in recorder.events)


def test_steps_see_the_context_of_the_caller() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    variable.set("of the caller")
    seen: list[str] = []
    execute(diff([resource("a")], []), lambda task: seen.append(variable.get()), lambda event: None)
    assert seen == ["of the caller"]


def test_an_interrupt_starts_nothing_more_and_waits_for_what_runs() -> None:
    interrupted = threading.Event()
    events: list[Event] = []

    def act(task: Task) -> None:
        assert task.step.address == "service/a", "the next step was begun"
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.wait(WAIT)

    def emit(event: Event) -> None:
        events.append(event)
        if event.kind == "log":
            interrupted.set()

    with pytest.raises(ApplyError) as caught:
        execute(diff([resource("a"), resource("b", "a")], []), act, emit, resume="scorewright up")
    assert caught.value.code == "SW1704"
    assert caught.value.cause == "done: service/a"
    assert caught.value.steps == ("go on with: scorewright up",)
    assert events[-1].kind == "step.finished"


def test_a_second_interrupt_leaves_what_runs() -> None:
    release = threading.Event()

    def act(task: Task) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        release.wait(WAIT)

    def emit(event: Event) -> None:
        if event.message.startswith("interrupted"):
            threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    with pytest.raises(ApplyError) as caught:
        execute(diff([resource("a")], []), act, emit)
    release.set()
    assert caught.value.cause == "done: nothing; left half-way: service/a"
