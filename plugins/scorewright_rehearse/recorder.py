"""Every request that reached the emulator, in order, with what was sent and what became of it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN = "…"
SECRET_KEYS = frozenset(
    {
        "accesstoken",
        "access_token",
        "authorization",
        "cert",
        "client_assertion",
        "client_secret",
        "key",
        "keyvalue",
        "password",
        "primarykey",
        "refresh_token",
        "secondarykey",
        "secret",
        "sig",
    }
)
OPEN_VARIABLES = ("AZUREML_", "SCOREWRIGHT_", "GUNICORN_", "OMP_", "NVIDIA_")
"""How the variables of a service begin that are shown: those that scorewright and the SDK set."""
WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
READ_ACTIONS = frozenset(
    {"login.token", "services.keys", "services.token", "services.validate", "services.score", "identity.token"}
)
"""POSTs that change nothing."""


@dataclass
class RecordedRequest:
    """One request. ``action``: the name in the route table (``models.create``), empty where no route matched.
    ``body``: what was sent, decoded if it was JSON, else its size in bytes. ``status``: what was answered, None while
    it is under way. ``outcome``: ``answered``, ``dropped`` (the connection was cut), ``refused`` (not emulated) or
    ``failed`` (the emulator could not make sense of it)."""

    number: int
    method: str
    host: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    action: str
    body: Any = field(default=None, repr=False)
    status: int | None = None
    outcome: str = "open"
    seconds: float = 0.0
    started: float = field(default_factory=time.time)

    @property
    def writes(self) -> bool:
        """Whether the request asks for a change."""
        return self.method in WRITES and self.action not in READ_ACTIONS

    def to_dict(self) -> dict[str, Any]:
        """The printable form: secrets are replaced by an ellipsis."""
        return {
            "number": self.number,
            "method": self.method,
            "host": self.host,
            "path": self.path,
            "query": redacted(dict(self.query)),
            "action": self.action,
            "body": redacted(self.body),
            "status": self.status,
            "outcome": self.outcome,
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        return f"{self.number} {self.method} {self.host}{self.path} {self.status or self.outcome}"


class Recorder:
    """The list of requests. Safe to read from any thread while the emulator works."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []
        self._next = 1

    def begin(
        self, method: str, host: str, path: str, query: Mapping[str, str], action: str, body: object
    ) -> RecordedRequest:
        """Note a request that has arrived."""
        with self._lock:
            request = RecordedRequest(self._next, method, host, path, query, action, body)
            self._next += 1
            self._requests.append(request)
        return request

    def refuse(self, method: str, address: str) -> None:
        """Note a request to a host that is not emulated."""
        host = address.removeprefix("http://").partition("/")[0]
        request = self.begin(method, host, "", {}, "", None)
        request.status, request.outcome = 403, "refused"

    def clear(self) -> None:
        """Forget all and count from 1 again."""
        with self._lock:
            self._requests = []
            self._next = 1

    def all(self, action: str = "") -> list[RecordedRequest]:
        """The requests of one action (``services.create``) or resource (``services``), or all of them."""
        with self._lock:
            requests = list(self._requests)
        return [request for request in requests if matches(request.action, action)]

    def writes(self, action: str = "") -> list[RecordedRequest]:
        """Those that ask for a change."""
        return [request for request in self.all(action) if request.writes]

    def one(self, action: str) -> RecordedRequest:
        """The only request of an action. Raises LookupError if there is none or more than one."""
        found = self.all(action)
        if len(found) != 1:
            raise LookupError(f"{len(found)} requests of {action!r}: {[str(request) for request in found]}")
        return found[0]

    def refused(self) -> list[RecordedRequest]:
        """Requests to hosts that are not emulated."""
        return [request for request in self.all() if request.outcome == "refused"]

    def unknown(self) -> list[RecordedRequest]:
        """Requests to an emulated host that no route matched: a gap in the emulator, or a client gone astray."""
        return [request for request in self.all() if not request.action and request.outcome != "refused"]

    def summary(self) -> dict[str, tuple[int, float]]:
        """How many requests of each action there were, and how many seconds they took together."""
        found: dict[str, tuple[int, float]] = {}
        for request in self.all():
            count, seconds = found.get(request.action, (0, 0.0))
            found[request.action] = (count + 1, seconds + request.seconds)
        return found

    def __len__(self) -> int:
        with self._lock:
            return len(self._requests)


def matches(action: str, wanted: str) -> bool:
    """``models`` matches ``models.create``; the empty name matches all."""
    return not wanted or action == wanted or action.startswith(wanted + ".")


def decoded(body: bytes, content_type: str) -> object:
    """A body as the recorder keeps it: JSON and forms as values, all else as its size in bytes."""
    if "json" in content_type:
        try:
            return json.loads(body) if body else None
        except ValueError:
            return len(body)
    if "x-www-form-urlencoded" in content_type:
        from urllib.parse import parse_qsl

        return dict(parse_qsl(body.decode("utf-8", "replace")))
    return len(body)


def _hidden(key: str, item: object) -> object:
    if str(key).lower() in SECRET_KEYS and isinstance(item, str):
        return HIDDEN
    if key == "environmentVariables" and isinstance(item, dict):  # a user's own may hold anything
        return {name: value if name.startswith(OPEN_VARIABLES) else HIDDEN for name, value in item.items()}
    return redacted(item)


def redacted(value: object) -> object:
    """The value with everything secret replaced, however deep."""
    if isinstance(value, dict):
        return {key: _hidden(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    if isinstance(value, str) and "sig=" in value:
        return value.partition("?")[0] + "?" + HIDDEN
    return value
