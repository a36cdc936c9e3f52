"""The container's log while we wait: told line by line, and the only sign of how far a container is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .waiting import INIT, PROBE, SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .waiting import Stage

READY = "azmlinfsrv.scorewright"
SERVING = " serving "
"""A line with both is our runtime's own: ``init()`` is over."""
_ORDER = (SCHEDULE, INIT, PROBE)


class Logs:
    """Follows a container's log. ``read``: gives what there is of it; ``tell``: takes each new line and its stage.

    Azure ML says of a deployment no more than that it is not over yet. A container without a log does not run yet; one
    that has written something is in ``init()``; one whose runtime says that it serves waits for its probe.
    """

    def __init__(self, read: Callable[[], str], tell: Callable[[str, str], None]) -> None:
        self._read = read
        self._tell = tell
        self._seen: list[str] | None = None
        self._stage = SCHEDULE

    def new(self) -> None:
        """There is no container yet: whatever the log will hold is of the one that we wait for."""
        self._seen = []

    def stage(self, over: bool) -> Stage:
        """The stage that the container is in; it never goes back. ``over``: there is nothing to wait for any more, so
        do not look."""
        if over:
            return self._stage
        lines = self._read().splitlines()
        if self._seen is None:  # of an update, what is there at first is the version before
            self._seen = lines
            return self._stage
        fresh = lines[overlap(self._seen, lines) :]
        if fresh:
            self._seen = lines
            ready = any(READY in line and SERVING in line for line in fresh)
            self._stage = max(self._stage, PROBE if ready else INIT, key=_ORDER.index)
        for line in fresh:
            self._tell(line, self._stage.name)
        return self._stage


def overlap(seen: list[str], lines: list[str]) -> int:
    """How many of the lines were seen: the service gives the last 5000, so the first of them scroll away."""
    for start in range(len(seen)):
        rest = seen[start:]
        if lines[: len(rest)] == rest:
            return len(rest)
    return 0
