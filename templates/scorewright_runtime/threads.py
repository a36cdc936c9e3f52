"""The batcher for servers that give each request a thread, such as gunicorn's gthread worker."""

from __future__ import annotations

import asyncio
import queue
import threading
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

    def __call__(self, inputs: Arrays) -> Outcome:
        """Run the model. Raises whatever it raises, and `TimeoutError`."""
        if self._caller.quick(self._caller.rows(inputs)) or threading.current_thread() is threading.main_thread():
            return self._caller.one(inputs)
        answer: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._running_loop().call_soon_threadsafe(self._queue, inputs, answer.put)
        try:
            outcome = answer.get(timeout=self._timeout + 1.0)
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _queue(self, inputs: Arrays, done: Callable[[Outcome | BaseException], None]) -> None:
        """Hand a request over. Called on the loop."""
        try:
            if self._batcher is None:
                self._batcher = self._make()
            self._batcher.queue(inputs, done, _never)
        except Exception as error:  # the request's own thread raises it
            done(error)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """The loop, started by the first request and so in the process that serves it."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="scorewright-batcher", daemon=True).start()
            return self._loop


def _never() -> bool:
    """These servers do not tell whether a client has gone."""
    return False
