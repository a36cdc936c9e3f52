"""How events look while a run works."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from scorewright.cli.progress import LiveSteps, PlainLines, progress, seconds
from scorewright.events import Event


def step(kind: str, message: str, **more: object) -> Event:
    return Event(f"step.{kind}", message, "service/mnist", **more)  # type: ignore[arg-type]


EVENTS = [
    step("started", "create"),
    step("progress", "making it", stage="environment", elapsed=1.0),
    step("progress", "still making it", stage="environment", elapsed=2.0),
    step("progress", "starting", stage="start", elapsed=61.2),
    Event("log", "a line", "service/mnist"),
    step("finished", "created", elapsed=130.0),
]


def test_plain_progress_has_one_line_per_step_stage_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainLines(verbose=False) as show:
        for event in EVENTS:
            show(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "service/mnist: create",
        "service/mnist: environment: making it (1.0 s)",
        "service/mnist: start: starting (61 s)",
        "service/mnist: created (2 min 10 s)",
    ]


def test_a_long_stage_is_told_of_again_after_a_while() -> None:
    lines = PlainLines(verbose=False)
    waits = [step("progress", "waiting", stage="image build", time=float(seconds)) for seconds in range(0, 600, 60)]
    assert [event.time for event in waits if lines.line(event)] == [0.0, 240.0, 480.0]


def test_what_concerns_the_whole_run_is_always_shown(capsys: pytest.CaptureFixture[str]) -> None:
    waits = Event("log", "interrupted: waiting for service/mnist (interrupt again to leave at once)")
    with PlainLines(verbose=False) as show:
        show(waits)
    assert capsys.readouterr().err == f"{waits.message}\n"
    console = Console(file=io.StringIO(), width=200)
    with LiveSteps(console) as show:
        show(waits)
    assert waits.message in console.file.getvalue()  # type: ignore[attr-defined]


def test_verbose_progress_repeats_stages_and_shows_log_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainLines(verbose=True) as show:
        for event in EVENTS:
            show(event)
    err = capsys.readouterr().err
    assert "still making it" in err
    assert "service/mnist: | a line" in err


@pytest.mark.parametrize("message", ["create", "create service/mnist", "service/mnist create"])
def test_the_subject_is_said_once(message: str) -> None:
    assert PlainLines(verbose=False).line(step("started", message)) == "service/mnist: create"


def test_a_failed_step_stands_out(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainLines(verbose=False) as show:
        show(step("failed", "no room", elapsed=0.5))
    assert capsys.readouterr().err == "service/mnist: FAILED: no room (0.5 s)\n"


def test_quiet_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=True, verbose=True) as show:
        for event in EVENTS:
            show(event)
    assert capsys.readouterr() == ("", "")


def test_live_progress_shows_the_step_being_worked_on_and_keeps_it_when_done() -> None:
    written = io.StringIO()
    console = Console(file=written, width=80)
    live = LiveSteps(console)
    with live as show:
        show(EVENTS[0])
        show(EVENTS[1])
        with console.capture() as during:
            console.print(live)
        show(EVENTS[-1])
        with console.capture() as after:
            console.print(live)
    assert "service/mnist environment: making it" in during.get()
    assert after.get().strip() == ""
    assert "✓ service/mnist created (2 min 10 s)" in written.getvalue()


@pytest.mark.parametrize(
    ("time", "shown"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (99.4, "99 s"), (185, "3 min 05 s")]
)
def test_times_are_for_people(time: float, shown: str) -> None:
    assert seconds(time) == shown
