"""What exists in the emulated subscription: plain records, kept in memory, written to and read from JSON."""

from __future__ import annotations

import datetime
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pydantic

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object as a client sent it."""


@dataclass(frozen=True)
class Failure:
    """A provisioning failure that is still to come. ``stage``: where it strikes (see `deployments.STAGES`; ``cluster``
    for a cluster). ``state``: the service's state afterwards. ``error``: the operation's and the service's error.
    ``log``: what the build or the container wrote. ``operation``: how the operation ends."""

    stage: str
    state: str
    error: JsonObject
    log: str = ""
    operation: str = "Failed"


@dataclass
class Operation:
    """A long-running operation. ``subject``: ``services/NAME`` or ``computes/NAME``. ``due``: when it ends, in
    seconds since the epoch, where only time decides."""

    id: str
    subject: str
    kind: str
    state: str = "Running"
    stage: str = ""
    due: float = 0.0
    failure: Failure | None = None
    error: JsonObject | None = None
    created: str = ""
    ended: str | None = None
    log: str = ""


@dataclass
class Compute:
    """An AKS cluster. ``properties``: the inner ones, as sent."""

    name: str
    location: str
    resource_id: str
    attached: bool
    properties: JsonObject | None
    tags: JsonObject | None
    description: str | None
    created: str
    modified: str
    operation: str
    state: str = "Creating"
    errors: list[JsonObject] = field(default_factory=list)


@dataclass
class Blob:
    """A stored object. ``content``: the SHA-256 of its bytes, which is its file's name. ``md5``: in base64."""

    content: str
    size: int
    md5: str
    etag: str
    modified: str
    kind: str = "application/octet-stream"


@dataclass
class Model:
    """A registered model. ``body``: as answered to clients. ``asset``: the id of its asset."""

    name: str
    version: int
    asset: str
    body: JsonObject


@dataclass
class Service:
    """A web service. ``settings``: what was asked for, without keys. ``live``: the settings that serve now, None while
    nothing does. ``tokens``: issued access tokens with their expiry. ``log``: of containers that are gone."""

    name: str
    settings: JsonObject
    primary: str = field(repr=False)
    secondary: str = field(repr=False)
    created: str
    updated: str
    operation: str
    state: str = "Transitioning"
    error: JsonObject | None = None
    live: JsonObject | None = None
    revision: int = 1
    tokens: dict[str, float] = field(default_factory=dict, repr=False)
    log: str = ""


@dataclass
class World:
    """All resources of one workspace. ``images``: keys of built images. ``versions``: the last version handed out, by
    name. ``blocks``: uncommitted pieces of blobs, by blob path and block id."""

    computes: dict[str, Compute] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)
    blocks: dict[str, dict[str, str]] = field(default_factory=dict)
    assets: dict[str, JsonObject] = field(default_factory=dict)
    models: list[Model] = field(default_factory=list)
    environments: dict[str, list[JsonObject]] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def next_version(self, kind: str, name: str) -> int:
        """The next version of a name. Numbers are not used twice, also not after a deletion."""
        key = f"{kind}/{name}"
        self.versions[key] = self.versions.get(key, 0) + 1
        return self.versions[key]

    def model(self, id: str) -> Model | None:
        """The model with this ``name:version``."""
        return next((model for model in self.models if f"{model.name}:{model.version}" == id), None)

    def begin(self, subject: str, kind: str, seconds: float = 0.0) -> Operation:
        """Start an operation that, where only time decides, ends in so many seconds."""
        operation = Operation(new_id(), subject, kind, created=now(), due=time.time() + seconds)
        self.operations[operation.id] = operation
        return operation

    def to_json(self) -> bytes:
        """The whole world; holds keys and tokens, so keep it private."""
        return _ADAPTER.dump_json(self)

    @staticmethod
    def from_json(content: bytes) -> World:
        """The inverse of `to_json`. Raises ValueError if it is not a world; its text quotes nothing of it."""
        try:
            return _ADAPTER.validate_json(content)
        except pydantic.ValidationError:
            raise ValueError("the kept world cannot be read") from None


_ADAPTER = pydantic.TypeAdapter(World)


def now() -> str:
    """The time as the services write it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def new_id() -> str:
    """A fresh identifier in the form of a UUID."""
    digits = secrets.token_hex(16)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
