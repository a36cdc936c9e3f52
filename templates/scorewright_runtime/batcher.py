"""Micro-batching on an event loop: what has queued while the model was busy runs as one call.

There is no fixed wait. A lone request runs at once. After a call for several, when clearly fewer are waiting than it
had, the next one lingers up to ``max_delay_ms`` for the callers who have just been answered and come back, and as long
again while they keep coming; without that, large and small batches would alternate. Models that take less than a
millisecond are called on the loop itself, when a round of it brings no more requests: reading them all, calling the
model for all and answering all keeps each in the processor's cache. Slower models are called in a thread, so that
requests are read and answered meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from .batch import FAST
from .errors import Unanswered
from .runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from .batch import Caller, Outcome
    from .metrics import Metrics
    from .types import Arrays

    Done = Callable[[Outcome | BaseException], None]


class Gone(Exception):
    """The client has closed the connection; nobody waits for this request."""


class _Waiting:
    """A request that waits for the model."""

    __slots__ = ("_done", "deadline", "gone", "inputs", "kind", "over", "rows", "since")

    def __init__(self, inputs: Arrays, rows: int, kind: object, done: Done, gone: Callable[[], bool]) -> None:
        self.inputs, self.rows, self.kind, self._done, self.gone = inputs, rows, kind, done, gone
        self.since = self.deadline = 0.0
        self.over = False

    def settle(self, result: Outcome | BaseException) -> None:
        """Give the request its result, unless it has one."""
        if not self.over:
            self.over = True
            self._done(result)


class Batcher:
    """Queues requests and calls the model. Belongs to one event loop; all methods are called on it.

    ``max_rows``: most rows in one call, 1 where requests never run together. ``max_delay``: longest linger in seconds.
    ``timeout``: seconds until a request is given up. ``meanwhile``: called when a call has ended, so that requests that
    were kept elsewhere until then can be queued.
    """

    meanwhile: Callable[[], None] | None = None

    def __init__(self, caller: Caller, metrics: Metrics, max_rows: int, max_delay: float, timeout: float) -> None:
        self._caller, self._metrics = caller, metrics
        self._together = caller.splits and max_rows > 1
        self._max_rows, self._max_delay, self._timeout = max_rows, max_delay, timeout
        self._loop = asyncio.get_running_loop()
        self._runner = Runner()
        self._pending: deque[_Waiting] = deque()
        self._rows = 0
        self._running: list[_Waiting] = []
        self._scheduled: asyncio.Handle | None = None
        self._lingering = False
        self._seen = 0
        self._last_rows, self._last_end = 0, -math.inf
        self._last_came = -math.inf
        self._open: deque[_Waiting] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether a call runs."""
        return bool(self._running)

    def expect(self, requests: int) -> None:
        """So many requests are kept for `meanwhile`; they wait, too. Called in any thread, while a call runs."""
        self._metrics.waiting = len(self._pending) + requests

    def queue(self, inputs: Arrays, done: Done, gone: Callable[[], bool]) -> None:
        """Queue a request. ``done`` is called once, with what the model says or raises, with `TimeoutError` when it
        took too long, or with `Gone`. ``gone``: whether the client has left.

        Raises `Unanswered` (SW1533) where the queue is longer than the time-out.
        """
        now = time.monotonic()  # a loop's own clock may stand still while it is busy
        self._refuse_if_hopeless()
        waiting = _Waiting(inputs, self._caller.rows(inputs), self._caller.kind(inputs), done, gone)
        waiting.since = self._last_came = now
        self._pending.append(waiting)
        self._rows += waiting.rows
        self._metrics.waiting = len(self._pending)
        self._watch(waiting, self._loop.time())
        if self._lingering and self._rows >= min(self._last_rows, self._max_rows):
            self._schedule(0.0)
        elif not self._running and self._scheduled is None:
            self._schedule(self._linger(now))

    def _refuse_if_hopeless(self) -> None:
        wait = self._queued()
        if wait > self._timeout:
            text = f"too many requests wait: about {wait:.1f} s of work is queued; try again later"
            raise Unanswered("SW1533", text, status=503, headers={"retry-after": str(math.ceil(wait - self._timeout))})

    def _queued(self) -> float:
        """Seconds of work that wait, if calls go on to take what they have taken so far."""
        if not self._together:
            return len(self._pending) * self._caller.pace
        return min(self._rows, len(self._pending) * self._caller.largest) * self._caller.row_pace

    def _linger(self, now: float) -> float:
        """Seconds to wait for more rows before the next call."""
        if not self._together or self._caller.quick(self._rows):
            return 0.0
        if self._last_rows < 2 or self._enough():
            return 0.0
        return max(0.0, self._last_end + self._max_delay - now)

    def _enough(self) -> bool:
        """Whether about as many rows wait as the last call had, so that the next one need not linger."""
        return self._rows >= min(0.75 * self._last_rows, self._max_rows)

    def _schedule(self, delay: float) -> None:
        """Call `_flush` after a delay, or as soon as the requests of this burst have been read."""
        if self._scheduled is not None:
            self._scheduled.cancel()
        self._lingering = delay > 0.0
        self._scheduled = self._loop.call_later(delay, self._lingered) if delay else self._loop.call_soon(self._flush)

    def _lingered(self) -> None:
        """Start the next call, unless callers keep coming back: they get as long again."""
        now, pause = time.monotonic(), self._max_delay / 2
        if now < self._last_came + pause and now + pause < self._last_end + 2 * self._max_delay:
            self._schedule(pause)
        else:
            self._flush()

    def _flush(self) -> None:
        """Start the next call, where it is quick the next ones too, and only then answer. None runs."""
        if self._scheduled is not None:
            self._scheduled.cancel()
        self._scheduled, self._lingering = None, False
        if self._more_come():
            self._schedule(0.0)
            return
        done: list[tuple[list[_Waiting], Any]] = []
        group, until = self._take(), time.monotonic() + FAST
        while group and self._caller.quick(_rows_of(group)):
            done.append((group, self._call(group)))
            group = self._take() if time.monotonic() < until else []
        if group:
            self._run_aside(group)
        for called, results in done:
            self._finish(called, results)

    def _more_come(self) -> bool:
        """Whether the last round of the loop brought requests to a fast model, so that the next one may bring more."""
        came, self._seen = len(self._pending) > self._seen, len(self._pending)
        if came and self._together and self._caller.quick(self._rows):
            return time.monotonic() < self._pending[0].since + self._max_delay
        return False

    def _call(self, group: list[_Waiting]) -> Any:
        """Call the model on the loop, which no exception may leave: others wait for their answers, too."""
        try:
            return self._caller.several([waiting.inputs for waiting in group])
        except TimeoutError as error:
            return error

    def _run_aside(self, group: list[_Waiting]) -> None:
        """Call the model in the runner's thread."""
        self._running = group
        requests = [waiting.inputs for waiting in group]
        self._runner.submit(lambda: self._caller.several(requests), self._report)

    def _report(self, results: Any) -> None:
        """Bring what a call brought back to the loop. Called in the runner's thread."""
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile, and with it everyone who waited
            self._loop.call_soon_threadsafe(self._came_back, results)

    def _came_back(self, results: Any) -> None:
        group, self._running = self._running, []
        self._finish(group, results)

    def _take(self) -> list[_Waiting]:
        """The next requests that may run together; the others keep their order."""
        self._seen = 0
        group: list[_Waiting] = []
        others: list[_Waiting] = []
        rows, now = 0, time.monotonic()
        while self._pending and (not group or (self._together and rows < self._max_rows)):
            waiting = self._pending.popleft()
            if waiting.over or waiting.gone():
                self._rows -= waiting.rows
                waiting.settle(Gone())
            elif group and waiting.kind != group[0].kind:
                others.append(waiting)
            elif group and rows + waiting.rows > self._max_rows:
                self._pending.appendleft(waiting)
                break
            else:
                group.append(waiting)
                rows += waiting.rows
                self._metrics.queued(now - waiting.since)
        self._pending.extendleft(reversed(others))
        self._rows -= rows
        self._metrics.waiting = len(self._pending)
        return group

    def _finish(self, group: list[_Waiting], results: Any) -> None:
        """Hand out what a call brought, and start the next; that one first where as many requests wait as this one had,
        so that the model works on while answers are written."""
        if isinstance(results, BaseException):
            results = [results] * len(group)
        self._last_rows, self._last_end = _rows_of(group), time.monotonic()
        if self.meanwhile is not None:
            self.meanwhile()
        if self._enough() and not self._running and not self._caller.quick(self._last_rows):
            self._flush()
        for waiting, result in zip(group, results):
            waiting.settle(result)
        self._last_end = time.monotonic()
        if self._pending and not self._running:
            self._schedule(self._linger(self._last_end))

    def _watch(self, waiting: _Waiting, now: float) -> None:
        """Give the request up when its time is over. All have the same time-out, so the oldest is always first."""
        waiting.deadline = now + self._timeout
        while self._open and self._open[0].over:
            self._open.popleft()
        self._open.append(waiting)
        if self._alarm is None:
            self._alarm = self._loop.call_at(waiting.deadline, self._give_up)

    def _give_up(self) -> None:
        self._alarm = None
        now = self._loop.time()
        while self._open and (self._open[0].over or self._open[0].deadline <= now):
            self._open.popleft().settle(TimeoutError())
        if self._running and all(waiting.over for waiting in self._running):
            self._runner.interrupt()
        if self._open:
            self._alarm = self._loop.call_at(self._open[0].deadline, self._give_up)


def _rows_of(group: list[_Waiting]) -> int:
    return sum(waiting.rows for waiting in group)
