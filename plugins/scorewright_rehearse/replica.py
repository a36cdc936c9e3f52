"""What the scoring front end talks to: something that answers a service's requests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Answered:
    """A replica's answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class ReplicaError(Exception):
    """A replica did not come up, or does not answer. ``code``: ``CrashLoopBackOff`` or ``DeploymentTimedOut``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Replica(Protocol):
    """One running version of a service. ``busy``: requests in it right now."""

    busy: int

    async def start(self) -> None:
        """Come up; returns once healthy. Raises `ReplicaError` if that does not happen."""

    async def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answered:
        """Answer a request. Raises `ReplicaError` if it cannot be reached, TimeoutError after so many seconds."""

    def alive(self) -> bool:
        """Whether it still runs."""

    def log(self) -> str:
        """What it wrote."""

    async def stop(self) -> None:
        """End it, and free what it used."""


class Stub:
    """Answers with the headers of a scorewright service and without a process, for tests of many services.

    ``answer``: gives the JSON value for a request's body. ``model``: ``name:version``."""

    def __init__(self, answer: Callable[[bytes], object], model: str) -> None:
        self.busy = 0
        self._answer = answer
        self._headers = {
            "Content-Type": "application/json",
            "x-scorewright-device": "cpu (rehearsal)",
            "x-scorewright-model": model,
            "x-scorewright-batch": "1",
        }

    async def start(self) -> None:
        """Nothing to do."""

    async def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answered:
        """The answer it was given."""
        return Answered(200, self._headers, json.dumps(self._answer(body)).encode())

    def alive(self) -> bool:
        """Always."""
        return True

    def log(self) -> str:
        """One line."""
        return "scoring is stubbed out\n"

    async def stop(self) -> None:
        """Nothing to do."""


class Broken:
    """A replica that crashes whenever it is called; it keeps the log it is given."""

    def __init__(self, log: str) -> None:
        self.busy = 0
        self._log = log

    async def start(self) -> None:
        """Nothing to do: it fails later."""

    async def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answered:
        """Never answers. Raises `ReplicaError`."""
        raise ReplicaError("CrashLoopBackOff", "the container crashed")

    def alive(self) -> bool:
        """Never."""
        return False

    def log(self) -> str:
        """The log given."""
        return self._log

    async def stop(self) -> None:
        """Nothing to do."""
