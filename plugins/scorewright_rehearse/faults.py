"""Faults: what can be made to go wrong, by name for people (`FAULTS`), by rule for tests (`Rule`).

A rule says which requests it strikes and what happens to them. A named fault is a rule, or a few, with a description.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from .exchange import Reply, service_error
from .recorder import matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from .exchange import Call
    from .plane import Durations, Plane
    from .recorder import RecordedRequest
    from .world import Failure

FOREVER = 10**9
ROLLOUT = "services.rollout"


@dataclass(frozen=True)
class Answer:
    """The request does nothing and is answered with this."""

    reply: Reply


@dataclass(frozen=True)
class Drop:
    """The connection is cut: before the request did anything, or after it took effect but before the answer."""

    after: bool = False


@dataclass(frozen=True)
class Delay:
    """The request waits so many seconds first."""

    seconds: float


@dataclass(frozen=True)
class Corrupt:
    """What is uploaded is stored cut in half, and the answer says all is well."""


@dataclass(frozen=True)
class Meet:
    """The provisioning that the request starts meets this failure."""

    failure: Failure


@dataclass(frozen=True)
class Prepare:
    """The world is changed just before the request is looked at."""

    change: Callable[[Plane, Call], None]


@dataclass(frozen=True)
class Notify:
    """Somebody is told and finishes before the request goes on: before it acts, or after, before it is answered. Called
    in the emulator's thread, so it must not call the emulator."""

    tell: Callable[[RecordedRequest], None]
    after: bool = False


Effect: TypeAlias = Answer | Drop | Delay | Corrupt | Meet | Prepare | Notify


@dataclass
class Rule:
    """Strikes requests of an action (``models.create``) or resource (``models``; empty is any), or one request by its
    number. ``writes``: only those that ask for a change. ``skip``: let so many pass first. ``times``: then strike so
    many."""

    effect: Effect
    matches: str = ""
    number: int | None = None
    writes: bool = False
    skip: int = 0
    times: int = 1
    struck: int = 0

    def applies(self, request: RecordedRequest) -> bool:
        """Whether this request is struck; counts it."""
        if self.struck >= self.times or (self.number is not None and self.number != request.number):
            return False
        if not _strikes(request, self.matches) or (self.writes and not request.writes):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.struck += 1
        return True


def _strikes(request: RecordedRequest, wanted: str) -> bool:
    """``services.rollout`` is every creation, and every update that brings new code, models or packages."""
    if wanted != ROLLOUT:
        return matches(request.action, wanted)
    if request.action != "services.update":
        return request.action == "services.create"
    steps = request.body if isinstance(request.body, list) else []
    return any(str(step.get("path", "")).startswith("/environmentImageRequest") for step in steps)


class Rules:
    """The rules in force. Safe to change from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force; its ``struck`` counts how often it has struck."""
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Lift all rules."""
        with self._lock:
            self._rules.clear()

    def take(self, request: RecordedRequest) -> list[Effect]:
        """What happens to this request."""
        with self._lock:
            return [rule.effect for rule in self._rules if rule.applies(request)]


@dataclass(frozen=True)
class Fault:
    """A fault that can be asked for by name. ``target``: what it strikes unless told otherwise (``NAME:TARGET``).
    ``durations``: how long things take while it is in force."""

    name: str
    summary: str
    target: str = ""
    effect: Effect | None = None
    writes: bool = False
    times: int = 1
    durations: Durations | None = field(default=None)

    def rule(self, target: str = "", skip: int = 0, times: int | None = None) -> Rule | None:
        """The rule for it, None where it only changes durations."""
        if self.effect is None:
            return None
        many = self.times if times is None else times
        return Rule(self.effect, target or self.target, writes=self.writes, skip=skip, times=many)


def answer(status: int, code: str = "", message: str = "injected by the rehearsal") -> Answer:
    """A plain refusal with this status."""
    headers = {"Retry-After": "1"} if status in {429, 503} else {}
    return Answer(Reply(status, service_error(code or STATUS_CODES.get(status, "Error"), status, message), headers))


STATUS_CODES = {
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
