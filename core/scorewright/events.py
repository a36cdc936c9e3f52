"""Events: what a run tells while it works, to the terminal, to ``--events`` and to plugins."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .findings import Json


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    ``kind``: ``plan``, ``step.started``, ``step.progress``, ``step.finished``, ``step.failed``, ``log``,
    ``run.finished``.
    ``subject``: the resource's address (``service/mnist``), or None for the run. ``message``: one line for people.
    ``stage``: the stage's name within a step (``environment``, ``start``, ``init``, ``golden request``).
    ``elapsed``: seconds since the step began. ``time``: seconds since the epoch.
    ``data``: further plain values; never a secret.
    """

    kind: str
    message: str
    subject: str | None = None
    stage: str | None = None
    elapsed: float | None = None
    data: Mapping[str, Json] = field(default_factory=dict)
    time: float = field(default_factory=time.time)

    def to_dict(self) -> dict[str, Json]:
        """The event as plain data: one line of ``--events``."""
        return {
            "time": self.time,
            "kind": self.kind,
            "subject": self.subject,
            "stage": self.stage,
            "elapsed": self.elapsed,
            "message": self.message,
            "data": dict(self.data),
        }


Emit: TypeAlias = Callable[[Event], None]
"""Takes an event. Must not raise; an observer's failure never fails a run."""
