"""Batching for servers that give each request a thread, such as gunicorn's gthread worker."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .batch import Caller, Outcome
    from .batcher import Batcher
    from .types import Arrays


class ThreadedCall:
    """Calls the model for requests in threads: fast models in a thread of theirs, slow ones by way of a batcher.

    Handing over costs more than a fast model takes. In the main thread, which a worker without threads has alone, there
    is nothing to batch, and the server's own alarm keeps the time-out. ``max_rows``: most rows in one call, 1 where
    requests never run together.
    """

    def __init__(self, caller: Caller, make: Callable[[], Batcher], max_rows: int, timeout: float) -> None:
        self._caller, self._make, self._timeout = caller, make, timeout
        self._crowd = Crowd(caller, max_rows, timeout)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._batcher: Batcher | None = None
        self._inbox: deque[_Ticket] = deque()

    def __call__(self, inputs: Arrays) -> Outcome:
        """Run the model. Raises whatever it raises, and `TimeoutError`."""
        if threading.current_thread() is threading.main_thread():
            return self._caller.one(inputs)
        if self._caller.quick(self._caller.rows(inputs)):
            return self._crowd(inputs)
        ticket = _Ticket(inputs)
        self._inbox.append(ticket)
        if self._batcher is not None and self._batcher.busy:
            self._batcher.expect(len(self._inbox))
        else:
            self._running_loop().call_soon_threadsafe(self._collect)
        return ticket.wait(self._timeout)

    def _collect(self) -> None:
        """Hand over what is in the inbox. Called on the loop."""
        if self._batcher is None:
            self._batcher = self._make()
            self._batcher.meanwhile = self._collect
        while self._inbox:
            ticket = self._inbox.popleft()
            try:
                self._batcher.queue(ticket.inputs, ticket.answers.put, ticket.gone)
            except Exception as error:  # the request's own thread raises it
                ticket.answers.put(error)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """The loop, started by the first request and so in the process that serves it."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="scorewright-batcher", daemon=True).start()
            return self._loop


class Crowd:
    """Calls a fast model for requests in threads that get there one right after the other, all in one call.

    A call of its own for each costs several times what the model takes: its weights and the interpreter's memory put
    each other out of the processor's cache again and again. The first of some threads gives way to the others for as
    long as that brings one more of them here; where no other has anything to do, it goes on at once.
    """

    def __init__(self, caller: Caller, max_rows: int, timeout: float) -> None:
        self._caller, self._timeout = caller, timeout
        self._max_rows = max_rows if caller.splits else 1
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []

    def __call__(self, inputs: Arrays) -> Outcome:
        """Run the model. Raises whatever it raises, and `TimeoutError`."""
        if 2 * self._caller.rows(inputs) > self._max_rows:
            return self._caller.one(inputs)
        ticket = _Ticket(inputs)
        with self._lock:
            self._waiting.append(ticket)
            first = len(self._waiting) == 1
        if first:
            self._let_others_come()
            with self._lock:
                tickets, self._waiting = self._waiting, []
            self._serve(tickets)
        return ticket.wait(self._timeout)

    def _let_others_come(self) -> None:
        seen = 0
        while seen < len(self._waiting) < self._max_rows:
            seen = len(self._waiting)
            _give_way()

    def _serve(self, tickets: list[_Ticket]) -> None:
        while tickets:
            group, tickets = self._next(tickets)
            results: Sequence[Outcome | BaseException]
            try:
                results = self._caller.several([ticket.inputs for ticket in group])
            except BaseException as error:  # each thread raises it, none waits in vain
                results = [error] * len(group)
            for ticket, result in zip(group, results):
                ticket.answers.put(result)

    def _next(self, tickets: list[_Ticket]) -> tuple[list[_Ticket], list[_Ticket]]:
        """Those that run together with the first, and the others."""
        group: list[_Ticket] = []
        others: list[_Ticket] = []
        kind, rows = self._caller.kind(tickets[0].inputs), 0
        for ticket in tickets:
            more = self._caller.rows(ticket.inputs)
            if self._caller.kind(ticket.inputs) == kind and rows + more <= self._max_rows:
                group.append(ticket)
                rows += more
            else:
                others.append(ticket)
        return group, others


_give_way = getattr(os, "sched_yield", lambda: time.sleep(0))
"""Lets other threads run, if any are about to."""


class _Ticket:
    """A request whose thread waits. These servers do not tell whether a client has gone, but a thread may give up."""

    def __init__(self, inputs: Arrays) -> None:
        self.inputs = inputs
        self.answers: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._left = False

    def wait(self, timeout: float) -> Outcome:
        """What the model says. Raises what it raises, and `TimeoutError`."""
        try:
            outcome = self.answers.get(timeout=timeout)
        except queue.Empty:
            self._left = True
            raise TimeoutError from None
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def gone(self) -> bool:
        """Whether nobody waits any more."""
        return self._left
