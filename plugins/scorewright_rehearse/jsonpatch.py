"""JSON patches as the services take them: ``replace``, ``add`` and ``remove`` at a path of keys (RFC 6902)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from .exchange import ApiError, service_error

if TYPE_CHECKING:
    from .world import JsonObject


def patched(document: JsonObject, steps: list[JsonObject]) -> JsonObject:
    """A changed copy of the document. An object on the way that is null or absent is made, as the services do.
    Raises `ApiError` (400) for what is no such patch."""
    result = copy.deepcopy(document)
    for step in steps:
        operation, path = step.get("op"), str(step.get("path", ""))
        keys = [key.replace("~1", "/").replace("~0", "~") for key in path.split("/")[1:]]
        if operation not in {"add", "replace", "remove"} or not keys:
            raise _refusal(f"cannot {operation!r} {path!r}")
        place = result
        for key in keys[:-1]:
            if not isinstance(place.get(key), dict):
                place[key] = {}
            place = place[key]
        if operation == "remove":
            place.pop(keys[-1], None)
        else:
            place[keys[-1]] = step.get("value")
    return result


def _refusal(text: str) -> ApiError:
    return ApiError(400, service_error("BadRequest", 400, f"Not a valid patch: {text}."))
