"""Waiting with a name for each stage, a typical time, a deadline, and the log fetched on the way.

The SDK's own waits print dots, cannot be given a time limit for clusters, and say nothing of what is slow.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError
from scorewright.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scorewright.events import Emit


@dataclass(frozen=True)
class Stage:
    """A part of a deployment. ``typical``: seconds it usually takes; ``deadline``: seconds after which it is stuck.

    Typical times: https://github.com/Azure/azureml-examples/issues/3515 (nodes, 12 to 18 minutes),
    https://github.com/MicrosoftLearning/mslearn-azure-ml/issues/58 (image builds), and the 20 minutes after which the
    service itself gives a deployment up (https://github.com/Azure/MachineLearningNotebooks/issues/1767).
    """

    name: str
    typical: float
    deadline: float


CLUSTER = Stage("cluster", 900, 3600)
CLUSTER_GONE = Stage("cluster deletion", 600, 3600)
UPLOAD = Stage("upload", 30, 600)
IMAGE_BUILD = Stage("image build", 1200, 5400)
SCHEDULE = Stage("schedule and pull", 300, 2400)
INIT = Stage("init", 60, 1800)
PROBE = Stage("probe", 30, 1200)
GOLDEN = Stage("golden request", 5, 600)
SETTINGS = Stage("settings", 15, 900)
SERVICE_GONE = Stage("service deletion", 30, 900)

_REMIND_SECONDS = 60.0
"""How often a wait tells that it still waits."""


def poll_seconds() -> float:
    """Seconds between two looks: 5, or what ``SCOREWRIGHT_POLL_SECONDS`` says."""
    return float(os.environ.get("SCOREWRIGHT_POLL_SECONDS", "5"))


class Clock:
    """Tells which stage a wait is in, and stops it at the stage's deadline. ``began``: when the step began, of the
    monotonic clock; None is now."""

    def __init__(
        self, emit: Emit, subject: str, deadlines: Mapping[str, float] | None = None, began: float | None = None
    ) -> None:
        self._emit = emit
        self._subject = subject
        self._deadlines = deadlines or {}
        self._stage: Stage | None = None
        self._stage_began = self._said = time.monotonic()
        self._began = self._stage_began if began is None else began

    def enter(self, stage: Stage, note: str = "waiting") -> None:
        """Say that a stage has begun; of the one we are in, say from time to time how long it has taken.

        Raises `DeploymentError` (SW2110) when the stage we are in has had its time.
        """
        now = time.monotonic()
        if self._stage is None or stage.name != self._stage.name:
            self._stage, self._stage_began = stage, now
            self._tell(f"{note} (typically {_span(stage.typical)})", now)
        elif now - self._stage_began > self._deadlines.get(stage.name, stage.deadline):
            raise DeploymentError(
                "SW2110",
                f"{self._subject} is stuck in stage '{stage.name}'",
                cause=f"it took {_span(now - self._stage_began)}; typical is {_span(stage.typical)}",
                steps=["run the same command again: it goes on where this one stopped", "scorewright status"],
            )
        elif now - self._said > _REMIND_SECONDS:
            spent = now - self._stage_began
            late = ", longer than usual" if spent > stage.typical else ""
            self._tell(f"{note} for {_span(spent)}{late} (typically {_span(stage.typical)})", now)

    def _tell(self, text: str, now: float) -> None:
        self._said = now
        stage = self._stage.name if self._stage else None
        self._emit(Event("step.progress", text, self._subject, stage, now - self._began))

    def wait(self, look: Callable[[], bool]) -> None:
        """Look until there is nothing more to wait for."""
        while not look():
            time.sleep(poll_seconds())


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
