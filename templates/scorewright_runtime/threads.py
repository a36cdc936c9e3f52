"""The batcher for servers that give each request a thread, such as gunicorn's gthread worker."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .batch import Caller, Outcome
    from .batcher import Batcher
    from .types import Arrays


class ThreadedCall:
    """Calls the model for requests in threads: fast models at once in the request's own, slow ones by way of a batcher.

    Handing over costs more than a fast model takes. In the main thread, which a worker without threads has alone, there
    is nothing to batch, and the server's own alarm keeps the time-out.
    """

    def __init__(self, caller: Caller, make: Callable[[], Batcher], timeout: float) -> None:
        self._caller, self._make, self._timeout = caller, make, timeout
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._batcher: Batcher | None = None
        self._inbox: deque[_Ticket] = deque()

    def __call__(self, inputs: Arrays) -> Outcome:
        """Run the model. Raises whatever it raises, and `TimeoutError`."""
        if self._caller.quick(self._caller.rows(inputs)) or threading.current_thread() is threading.main_thread():
            return self._caller.one(inputs)
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
