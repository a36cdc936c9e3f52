"""Environments: definitions by name and version. An unchanged definition keeps its version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exchange import ApiError, Call, Reply, service_error

if TYPE_CHECKING:
    from .plane import Plane
    from .world import JsonObject


def put(plane: Plane, call: Call) -> Reply:
    """Register a definition."""
    name = call.parts["name"]
    wanted = camel(call.json()) | {"name": name}
    wanted.pop("version", None)
    known = plane.world.environments.setdefault(name, [])
    for definition in known:
        if "version" not in call.parts and {**definition, "version": None} == {**wanted, "version": None}:
            return Reply(body=definition)
    wanted["version"] = call.parts.get("version") or str(plane.world.next_version("environments", name))
    known[:] = [definition for definition in known if definition["version"] != wanted["version"]] + [wanted]
    return Reply(body=wanted)


def get(plane: Plane, call: Call) -> Reply:
    """One version of a definition, the newest if none is named, or 404."""
    name, version = call.parts["name"], call.parts.get("version")
    for definition in reversed(plane.world.environments.get(name, [])):
        if version in {None, definition["version"]}:
            return Reply(body=definition)
    raise ApiError(404, service_error("NotFound", 404, f"The environment {name} {version or ''} was not found."))


def list_all(plane: Plane, call: Call) -> Reply:
    """The newest definition of each name."""
    return Reply(body={"value": [versions[-1] for versions in plane.world.environments.values() if versions]})


def camel(definition: JsonObject) -> JsonObject:
    """The definition with its keys in camel case, as it is answered: clients send some of them capitalised."""
    return {key[:1].lower() + key[1:]: value for key, value in definition.items()}
