"""One thread that calls the model, and can be interrupted where nobody waits for the call any more."""

from __future__ import annotations

import ctypes
import queue
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Job = tuple["Callable[[], Any]", "Callable[[Any], object]"]


class Runner:
    """Runs jobs one after the other in a thread of its own."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._begun: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = False
        self._thread = threading.Thread(target=self._loop, name="scorewright-model", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], Any], done: Callable[[Any], object]) -> None:
        """Run ``work`` and hand its result, or the exception that it raised, to ``done``, in the runner's thread.

        Returns when that thread is at it, and out of Python for the first time: else the model would wait for whatever
        the caller and other threads do next. Called when no other job runs.
        """
        self._jobs.put((work, done))
        self._begun.get()

    def interrupt(self) -> None:
        """Raise `TimeoutError` in the job that runs now, if one does.

        Python raises it between two of its own instructions: a call inside a framework ends first, just as with the
        alarm signal by which the inference server interrupts scripts.
        """
        with self._lock:
            if self._running and self._thread.ident is not None:
                thread = ctypes.c_ulong(self._thread.ident)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(TimeoutError))

    def _loop(self) -> None:
        while True:
            work, done = self._jobs.get()
            self._begun.put(None)
            done(self._guarded(work))

    def _guarded(self, work: Callable[[], Any]) -> Any:
        result: Any = None
        try:
            with self._lock:
                self._running = True
            result = work()
        except BaseException as error:  # the thread must outlive whatever the model raises
            result = error
        try:
            with self._lock:
                self._running = False
            for _ in range(8):  # an interrupt that came too late is raised here at the latest
                pass
        except TimeoutError:
            self._running = False
        return result
