"""Makes the replicas of services: containers that run their code, or stubs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from . import layout
from .container import Container, Recipe
from .replica import Replica, Stub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .plane import Plane
    from .world import JsonObject, Service

CONTAINER_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")
"""What a container gets of the surrounding process, and no more."""


def this_interpreter(environment: JsonObject) -> str:
    """Run every service with the interpreter that runs the emulator."""
    return sys.executable


def zero_answer(service: str, body: bytes) -> object:
    """What stubs answer unless told otherwise."""
    return [0]


@dataclass
class Factory:
    """``folder``: where containers and their home lie. ``sockets``: a folder with a short path. ``answer``: what a
    stub of a service answers to a body; None runs real containers. ``interpreter``, ``deadline``: see `Emulator`."""

    folder: Path
    sockets: Path
    answer: Callable[[str, bytes], object] | None
    interpreter: Callable[[JsonObject], str]
    deadline: float
    made: int = field(default=0, init=False)

    def make(self, plane: Plane, service: Service, settings: JsonObject) -> Replica:
        """A replica of the service with these settings, not started."""
        request = settings["environmentImageRequest"]
        if self.answer is not None:
            return Stub(partial(self.answer, service.name), ",".join(request.get("modelIds", [])))
        self.made += 1
        planned = layout.plan(plane, settings)
        recipe = Recipe(
            interpreter=self.interpreter(request["environment"]),
            layout=planned,
            root=self.folder / "containers" / f"{service.name}-{self.made}",
            socket=self.sockets / str(self.made),
            variables=self._variables(plane, service.name, settings, planned.variables),
            deadline=self.deadline,
        )
        return Container(recipe)

    def _variables(self, plane: Plane, name: str, settings: JsonObject, given: Mapping[str, str]) -> dict[str, str]:
        kept = {key: os.environ[key] for key in CONTAINER_VARIABLES if key in os.environ}
        own = {
            "HOME": str(self.folder / "home"),
            "PYTHONUNBUFFERED": "1",
            "SERVICE_NAME": name,
            "SERVICE_PATH_PREFIX": f"api/v1/service/{name}",
            "WORKSPACE_NAME": plane.names.workspace,
            "SCORING_TIMEOUT_MS": str(settings.get("scoringTimeoutMs") or 60000),
            "SCOREWRIGHT_REHEARSAL": "1",
        }
        return kept | dict(given) | own
