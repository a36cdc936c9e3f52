"""The seam between HTTP and the emulated services: a call comes in, a reply goes out, an `ApiError` is a reply too."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .world import Failure, JsonObject


@dataclass(frozen=True)
class Call:
    """One request, matched to a route. ``parts``: what the path pattern captured, decoded. ``failure``: a fault that
    the provisioning started by this call shall meet. ``corrupt``: store what is uploaded wrongly."""

    method: str
    host: str
    path: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    failure: Failure | None = None
    corrupt: bool = False

    def json(self) -> JsonObject:
        """The decoded body, an empty object if there is none. Raises `ApiError` (400) if it is no JSON object."""
        value = self._decoded() if self.body else {}
        if not isinstance(value, dict):
            raise ApiError(400, service_error("BadRequest", 400, "The request body is not a JSON object."))
        return value

    def steps(self) -> list[JsonObject]:
        """The decoded body, a list of objects: a JSON patch. Raises `ApiError` (400) if it is not."""
        value = self._decoded()
        if not isinstance(value, list) or not all(isinstance(step, dict) for step in value):
            raise ApiError(400, service_error("BadRequest", 400, "The request body is not a JSON patch."))
        return value

    def _decoded(self) -> object:
        try:
            return json.loads(self.body)
        except ValueError:
            raise ApiError(400, service_error("BadRequest", 400, "The request body is not JSON.")) from None


@dataclass(frozen=True)
class Reply:
    """One answer. ``body``: a JSON value, or bytes as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """An answer that refuses. ``body``: the JSON that goes with it."""

    def __init__(self, status: int, body: JsonObject) -> None:
        super().__init__(status, body)
        self.reply = Reply(status, body)


def service_error(code: str, status: int, message: str, *details: tuple[str, str]) -> JsonObject:
    """An error as the model management service writes it."""
    listed = [{"code": code, "message": message} for code, message in details]
    return {"code": code, "statusCode": status, "message": message, "details": listed}


def arm_error(code: str, message: str) -> JsonObject:
    """An error as the resource manager writes it."""
    return {"error": {"code": code, "message": message}}
