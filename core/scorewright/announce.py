"""Tells everyone who wants to know what a run does: the caller's own function and every plugin."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .events import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from .plugins import PluginManager


class Announcer:
    """Passes each event on, one at a time whichever thread it comes from.

    An observer that raises is told of in one ``log`` event, the first time, and fails nothing.
    """

    def __init__(self, plugins: PluginManager, on_event: Callable[[Event], object] | None = None) -> None:
        self._plugins = plugins
        self._on_event = on_event
        self._lock = threading.RLock()
        self._reported: set[str] = set()

    def emit(self, event: Event) -> None:
        """Tell of an event. Raises nothing."""
        with self._lock:
            for failure in (*self._call(event), *self._plugins.event(event)):
                observer = failure.partition(":")[0]
                if observer not in self._reported:
                    self._reported.add(observer)
                    self.emit(Event("log", f"an observer failed and was passed over: {failure}"))

    def _call(self, event: Event) -> tuple[str, ...]:
        if self._on_event is None:
            return ()
        try:
            self._on_event(event)
        except Exception as error:  # an observer's failure never fails a run
            return (f"on_event: {type(error).__name__}: {error}",)
        return ()
