"""Model management: assets and registered models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exchange import ApiError, Call, Reply, service_error
from .jsonpatch import patched
from .world import Model, new_id, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .plane import Plane
    from .world import JsonObject

DEFAULTS: JsonObject = {
    "mimeType": "application/x-python",
    "framework": "Custom",
    "frameworkVersion": None,
    "description": None,
    "kvTags": {},
    "properties": {},
    "unpack": False,
    "datasets": [],
    "experimentName": None,
    "runId": None,
    "parentModelId": None,
    "sampleInputData": None,
    "sampleOutputData": None,
    "resourceRequirements": None,
}


def create_asset(plane: Plane, call: Call) -> Reply:
    """Name a set of artifacts."""
    asset: JsonObject = {"id": new_id(), "createdTime": now(), "artifacts": []} | call.json()
    plane.world.assets[asset["id"]] = asset
    return Reply(body=asset)


def get_asset(plane: Plane, call: Call) -> Reply:
    """One asset, or 404."""
    asset = plane.world.assets.get(call.parts["id"])
    if asset is None:
        raise _missing("asset", call.parts["id"])
    return Reply(body=asset)


def create_model(plane: Plane, call: Call) -> Reply:
    """Register a model under the next version of its name. Asked twice, it registers twice, as the service does."""
    wanted = call.json()
    name, url = wanted.get("name"), str(wanted.get("url", ""))
    asset = url.removeprefix("aml://asset/")
    if not name or asset not in plane.world.assets:
        raise ApiError(400, service_error("BadRequest", 400, f"No name, or no such asset: {url!r}."))
    version = plane.world.next_version("models", name)
    given = {key: value for key, value in wanted.items() if value is not None}
    body = DEFAULTS | given | {"id": f"{name}:{version}", "version": version, "createdTime": now()}
    body |= {"createdBy": {"userObjectId": None, "userName": "rehearsal"}, "modifiedTime": body["createdTime"]}
    plane.world.models.append(Model(name, version, asset, body))
    return Reply(body=body)


def list_models(plane: Plane, call: Call) -> Reply:
    """Models that match, newest first."""
    found = [model for model in reversed(plane.world.models) if _matches(model.body, call.query)]
    if call.query.get("latestVersionOnly", "").lower() == "true":
        newest = {model.name: model for model in reversed(found)}
        found = [model for model in found if newest[model.name] is model]
    count = int(call.query.get("count", 255))
    return Reply(body={"value": [model.body for model in found[:count]]})


def get_model(plane: Plane, call: Call) -> Reply:
    """One version of a model, or 404."""
    return Reply(body=_find(plane, call).body)


def patch_model(plane: Plane, call: Call) -> Reply:
    """Change tags, description or properties."""
    model = _find(plane, call)
    model.body = patched(model.body, call.steps()) | {"modifiedTime": now()}
    return Reply(body=model.body)


def delete_model(plane: Plane, call: Call) -> Reply:
    """Remove one version. Refused with 412 while a service uses it."""
    model = _find(plane, call)
    for service in plane.world.services.values():
        if call.parts["id"] in (service.settings.get("environmentImageRequest") or {}).get("modelIds", []):
            message = f"DeletionRequired: {service.name} uses {call.parts['id']}."
            raise ApiError(412, service_error("PreconditionFailed", 412, message))
    plane.world.models.remove(model)
    return Reply(200)


def _find(plane: Plane, call: Call) -> Model:
    model = plane.world.model(call.parts["id"])
    if model is None:
        raise _missing("model", call.parts["id"])
    return model


def _missing(what: str, id: str) -> ApiError:
    return ApiError(404, service_error("NotFound", 404, f"The {what} {id} was not found."))


def _matches(body: JsonObject, query: Mapping[str, str]) -> bool:
    if any(key in query and body.get(key) != query[key] for key in ("name", "framework", "runId")):
        return False
    return selected(body["kvTags"], query.get("tags")) and selected(body["properties"], query.get("properties"))


def selected(values: JsonObject, wanted: str | None) -> bool:
    """Whether the values fit a filter such as ``team=ml,stage``: each key there, with the value if one is given."""
    for term in wanted.split(",") if wanted else []:
        key, equals, value = term.partition("=")
        if key not in values or (equals and str(values[key]) != value):
            return False
    return True
