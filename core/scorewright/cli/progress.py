"""How a run's events look while it works: live steps on a terminal, one plain line per change elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .terminal import echo

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live

    from scorewright.events import Emit, Event


_SILENCE = 240.0
"""Seconds after which a stage that goes on is told of again."""


def progress(*, quiet: bool, verbose: bool) -> AbstractContextManager[Emit]:
    """The way events are shown here: not at all, live, or plain."""
    if quiet:
        return nullcontext(lambda event: None)
    return LiveSteps() if sys.stderr.isatty() and not verbose else PlainLines(verbose)


class PlainLines:
    """One line on stderr for each step's start, stage and end, and every few minutes of a long stage: some CI systems
    end what is silent, and what concerns the whole run. With ``verbose`` also for every log line."""

    def __init__(self, verbose: bool) -> None:
        self.verbose = verbose
        self.stages: dict[str, tuple[str | None, float]] = {}

    def __enter__(self) -> Emit:
        return self.show

    def __exit__(self, *error: object) -> None:
        return None

    def show(self, event: Event) -> None:
        """Show one event."""
        line = self.line(event)
        if line is not None:
            echo(line, err=True)

    def line(self, event: Event) -> str | None:
        """The line that an event is worth; None for one that repeats what has been said."""
        subject = event.subject or ""
        if event.kind == "step.started":
            self.stages.pop(subject, None)
            return f"{subject}: {_said(event)}"
        if event.kind == "step.progress":
            stage, told = self.stages.get(subject, ("", event.time))
            if not self.verbose and stage == event.stage and event.time - told < _SILENCE:
                return None
            self.stages[subject] = event.stage, event.time
            return f"{subject}: {_staged(event)}{_took(event.elapsed)}"
        if event.kind in {"step.finished", "step.failed"}:
            failed = "FAILED: " if event.kind == "step.failed" else ""
            return f"{subject}: {failed}{_said(event)}{_took(event.elapsed)}"
        if event.kind == "log" and not subject:
            return event.message
        if event.kind == "log" and self.verbose:
            return f"{subject}: | {event.message}"
        return None


def _said(event: Event) -> str:
    """The message without the subject at its begin or end, which is shown before it anyway."""
    subject = event.subject or ""
    return event.message.removeprefix(subject).removesuffix(subject).strip(" :")


def _staged(event: Event) -> str:
    return f"{event.stage}: {_said(event)}" if event.stage else _said(event)


def _took(elapsed: float | None) -> str:
    return "" if elapsed is None else f" ({seconds(elapsed)})"


def seconds(elapsed: float) -> str:
    """A time for people: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if elapsed < 10:
        return f"{elapsed:.1f} s"
    whole = round(elapsed)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"


@dataclass
class Step:
    """A step that is being worked on. ``began``: of the monotonic clock."""

    message: str
    began: float


class LiveSteps:
    """The steps being worked on, with a clock each; those that are done stay above."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console
        self.steps: dict[str, Step] = {}
        self.lock = threading.Lock()

    def __enter__(self) -> Emit:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self.spinner = Spinner("dots")
        console = self.console or Console(stderr=True, highlight=False)
        self.live: Live = Live(self, console=console, transient=True)
        self.live.start()
        return self.show

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What is being worked on right now; rich asks several times a second."""
        from rich.text import Text

        with self.lock:
            steps = list(self.steps.items())
        frame = self.spinner.render(console.get_time())
        now = time.monotonic()
        for subject, step in steps:
            clock = (seconds(now - step.began), "dim")
            yield Text.assemble(str(frame), " ", (subject, "bold"), f" {step.message} ", clock)

    def show(self, event: Event) -> None:
        """Show one event."""
        subject = event.subject or ""
        with self.lock:
            if event.kind == "step.started":
                self.steps[subject] = Step(_said(event), time.monotonic())
            elif event.kind == "step.progress" and subject in self.steps:
                self.steps[subject].message = _staged(event)
            elif event.kind in {"step.finished", "step.failed"}:
                self.steps.pop(subject, None)
        if event.kind in {"step.finished", "step.failed"}:
            self._done(subject, event)
        if event.kind == "log" and not subject:
            self.live.console.print(event.message)

    def _done(self, subject: str, event: Event) -> None:
        from rich.text import Text

        mark = ("✓", "green") if event.kind == "step.finished" else ("✗", "red")
        took = (_took(event.elapsed), "dim")
        self.live.console.print(Text.assemble(mark, " ", (subject, "bold"), f" {_said(event)}", took))
