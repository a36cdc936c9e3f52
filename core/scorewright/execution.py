"""Carries out the steps of a plan: what is independent side by side, what depends on something after it.

A step that fails stops what depends on it and nothing else. An interrupt starts nothing more and waits for what runs;
a second one leaves that too: every step is safe to repeat, so the next run goes on from there.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from .errors import ApplyError, DeploymentError, ScorewrightError
from .events import Event
from .plan import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .events import Emit
    from .plan import Step
    from .target import LiveResource

Key: TypeAlias = "tuple[str, bool]"
"""An address, and whether it is about its deletion."""

WORKERS = 4
"""Most steps that run at a time."""


@dataclass(frozen=True)
class Task:
    """One thing to do: ``delete`` for the deletion of a step's live resource, else its creation or update."""

    step: Step
    delete: bool

    @property
    def key(self) -> Key:
        """What other tasks wait for."""
        return self.step.address, self.delete


@dataclass
class Outcome:
    """What became of the tasks. ``live``: what is there afterwards, by address. ``done``: in the order of finishing."""

    live: dict[str, LiveResource] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    failures: dict[str, ScorewrightError] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)


def execute(
    steps: Sequence[Step],
    act: Callable[[Task], LiveResource | None],
    emit: Emit,
    *,
    workers: int = WORKERS,
    resume: str = "run it again",
) -> Outcome:
    """Do every step that changes something. ``act`` does one task and returns the resource as it is then.

    ``resume``: the command that goes on with it. Raises `ApplyError` once nothing runs any more, if a step failed
    (with every failure) or if the run was interrupted (SW1704).
    """
    run = _Run(steps, act, emit, workers)
    try:
        run.loop()
    except KeyboardInterrupt:
        run.finish_running()
        raise _interrupted(run, resume) from None
    if run.outcome.failures:
        raise _failed(run.outcome, resume)
    return run.outcome


class _Run:
    def __init__(
        self, steps: Sequence[Step], act: Callable[[Task], LiveResource | None], emit: Emit, workers: int
    ) -> None:
        self.act = act
        self.emit = emit
        self.workers = workers
        self.waiting = _tasks(steps)
        self.running: dict[Key, Task] = {}
        self.finished: queue.SimpleQueue[tuple[Task, LiveResource | None, BaseException | None]] = queue.SimpleQueue()
        self.outcome = Outcome()

    def loop(self) -> None:
        while True:
            self._start_ready()
            if not self.running:
                assert not self.waiting, "steps wait for each other"
                return
            self._take(*self.finished.get())

    def finish_running(self) -> None:
        """Wait for what runs; a further interrupt leaves it."""
        if not self.running:
            return
        names = ", ".join(task.step.address for task in self.running.values())
        try:
            self.emit(Event("log", f"interrupted: waiting for {names} (interrupt again to leave at once)"))
            while self.running:
                self._take(*self.finished.get())
        except KeyboardInterrupt:
            self.emit(Event("log", f"left at once: {', '.join(task.step.address for task in self.running.values())}"))

    def _start_ready(self) -> None:
        for key, (task, needs) in list(self.waiting.items()):
            if len(self.running) >= self.workers:
                return
            if any(need in self.waiting or need in self.running for need in needs):
                continue
            del self.waiting[key]
            self.running[key] = task
            # Daemon threads, so that an interrupted process can end; each step is safe to repeat.
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(self._work, task), name=task.step.address, daemon=True).start()

    def _work(self, task: Task) -> None:
        address = task.step.address
        started = time.monotonic()
        verb = "delete" if task.delete else task.step.action.value
        self.emit(Event("step.started", f"{verb} {address}", address, elapsed=0.0, data={"action": verb}))
        try:
            live = self.act(task)
        except BaseException as error:  # handed to the thread that waits, whatever it is
            self.emit(Event("step.failed", f"{address}: {error}", address, elapsed=time.monotonic() - started))
            self.finished.put((task, None, error))
        else:
            elapsed = time.monotonic() - started
            self.emit(Event("step.finished", f"{address} done", address, elapsed=elapsed, data={"action": verb}))
            self.finished.put((task, live, None))

    def _take(self, task: Task, live: LiveResource | None, error: BaseException | None) -> None:
        del self.running[task.key]
        address = task.step.address
        if error is not None:
            self.outcome.failures[address] = _expected(address, error)
            self._skip({task.key})
            return
        if live is not None:
            self.outcome.live[address] = live
        if not (task.delete and task.step.action is Action.REPLACE):
            self.outcome.done.append(address)

    def _skip(self, failed: set[Key]) -> None:
        """Take out everything that waits for what failed, directly or not."""
        while True:
            stuck = {key for key, (_, needs) in self.waiting.items() if failed & set(needs)}
            if not stuck:
                return
            for key in stuck:
                del self.waiting[key]
                if key[0] not in (*self.outcome.failures, *self.outcome.skipped):
                    self.outcome.skipped.append(key[0])
            failed |= stuck


def _tasks(steps: Sequence[Step]) -> dict[Key, tuple[Task, tuple[Key, ...]]]:
    """The tasks with what each waits for.

    What is made waits for what it stands on; what is deleted to be made again, until what stands on it is deleted.
    """
    tasks: dict[Key, tuple[Task, tuple[Key, ...]]] = {}
    for step in steps:
        if step.action is Action.DELETE:
            needs = [(name, delete) for name in step.depends_on for delete in (True, False)]
            tasks[step.address, True] = Task(step, delete=True), tuple(needs)
        elif step.action is Action.REPLACE:
            above = (other for other in steps if other.resource is not None and step.address in other.depends_on)
            tasks[step.address, True] = Task(step, delete=True), tuple((other.address, True) for other in above)
        if step.action in (Action.CREATE, Action.UPDATE, Action.REPLACE):
            needs = [(step.address, True), *((name, False) for name in step.depends_on)]
            tasks[step.address, False] = Task(step, delete=False), tuple(needs)
    return tasks


def _expected(address: str, error: BaseException) -> ScorewrightError:
    if isinstance(error, ScorewrightError):
        return error
    wrapped = DeploymentError(
        "SW1706",
        f"the target failed at {address}",
        cause=f"{type(error).__name__}: {error}",
        steps=["this is a fault of the target's plugin: report it with the output of the same command and -v"],
    )
    wrapped.__cause__ = error
    return wrapped


def _failed(outcome: Outcome, resume: str) -> ApplyError:
    failures = outcome.failures
    skipped = f"; not tried: {', '.join(outcome.skipped)}" if outcome.skipped else ""
    if len(failures) == 1:
        (address, error) = next(iter(failures.items()))
        summary = f"{address}: {error.summary}{skipped}"
        raised = ApplyError(error.code, summary, failures, outcome.done, cause=error.cause,
                            steps=[*error.steps, f"then go on with: {resume}"])  # fmt: skip
        raised.__cause__ = error
        return raised
    told = [f"{address}: {error.summary} ({error.code})" + (f": {error.cause}" if error.cause else "")
            for address, error in sorted(failures.items())]  # fmt: skip
    steps = [*dict.fromkeys(step for error in failures.values() for step in error.steps), f"then go on with: {resume}"]
    return ApplyError(
        "SW1703", f"{len(failures)} steps failed{skipped}", failures, outcome.done, cause="\n".join(told), steps=steps
    )


def _interrupted(run: _Run, resume: str) -> ApplyError:
    left = [task.step.address for task in run.running.values()]
    cause = f"done: {', '.join(run.outcome.done) or 'nothing'}"
    if left:
        cause += f"; left half-way: {', '.join(left)}"
    failures = {**run.outcome.failures}
    return ApplyError("SW1704", "interrupted", failures, run.outcome.done, cause=cause, steps=[f"go on with: {resume}"])
