"""Web services: create, look at, change, delete, keys, tokens, logs and operations."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from .blobs import content_uri
from .exchange import ApiError, Call, Reply, service_error
from .jsonpatch import patched
from .models import selected
from .plane import Plane, end
from .world import Service, new_id, now

if TYPE_CHECKING:
    from .world import JsonObject, Operation

TOKEN_SECONDS = 12 * 3600
AUTOSCALER: JsonObject = {
    "autoscaleEnabled": True,
    "minReplicas": 1,
    "maxReplicas": 10,
    "refreshPeriodInSeconds": 1,
    "targetUtilization": 70,
}
PROBE: JsonObject = {
    "periodSeconds": 10,
    "initialDelaySeconds": 310,
    "timeoutSeconds": 2,
    "successThreshold": 1,
    "failureThreshold": 3,
}
RESOURCES: JsonObject = {"cpu": 0.1, "cpuLimit": None, "memoryInGB": 0.5, "memoryInGBLimit": None, "gpu": None}
DEFAULTS: JsonObject = {
    "description": None,
    "kvTags": {},
    "properties": {},
    "appInsightsEnabled": False,
    "authEnabled": True,
    "aadAuthEnabled": False,
    "scoringTimeoutMs": 60000,
    "maxConcurrentRequestsPerContainer": 1,
    "maxQueueWaitMs": 500,
    "namespace": None,
}
"""What the service fills in where nothing is said."""


def validate_name(plane: Plane, call: Call) -> Reply:
    """Whether a name is free."""
    if call.parts["name"] in plane.world.services:
        return Reply(body={"error": {"message": f"Service {call.parts['name']} already exists."}})
    return Reply(body={})


def validate(plane: Plane, call: Call) -> Reply:
    """No objection."""
    return Reply(body={})


def create(plane: Plane, call: Call) -> Reply:
    """Begin a service, or with ``overwrite`` replace one."""
    wanted = call.json()
    name = str(wanted.get("name"))
    keys = wanted.pop("keys", None) or {}
    existing = plane.world.services.get(name)
    if existing is not None and not wanted.get("overwrite"):
        detail = ("ServiceExists", f"Service with name {name} already exists; choose another name or update it.")
        raise ApiError(409, service_error("Conflict", 409, "Conflict", detail))
    _check(plane, wanted)
    service = existing or Service(
        name=name,
        settings=wanted,
        primary=keys.get("primaryKey") or _key(),
        secondary=keys.get("secondaryKey") or _key(),
        created=now(),
        updated=now(),
        operation="",
    )
    service.settings = wanted
    plane.world.services[name] = service
    operation = plane.deployments.start(service, "Create", call.failure)
    return Reply(202, None, _location(plane, operation))


def get(plane: Plane, call: Call) -> Reply:
    """One service, or 404."""
    return Reply(body=body(plane, _find(plane, call)))


def list_all(plane: Plane, call: Call) -> Reply:
    """Services that match."""
    found = [body(plane, service) for service in plane.world.services.values()]
    return Reply(body={"value": [entry for entry in found if _matches(entry, call)]})


def update(plane: Plane, call: Call) -> Reply:
    """Change a service in place."""
    service = _find(plane, call)
    settings = patched(service.settings, call.steps())
    _check(plane, settings)
    service.settings = settings
    operation = plane.deployments.start(service, "Update", call.failure)
    return Reply(202, None, _location(plane, operation))


def delete(plane: Plane, call: Call) -> Reply:
    """Delete a service: 204 if there is none, 200 where it takes no time, else 202 and an operation."""
    service = plane.world.services.get(call.parts["name"])
    if service is None:
        return Reply(204)
    if not plane.durations.delete:
        plane.deployments.remove(service)
        return Reply(200)
    operation = plane.world.begin(f"services/{service.name}", "Delete", plane.durations.delete)
    service.state, service.operation = "Deleting", operation.id
    return Reply(202, None, _location(plane, operation))


def operation(plane: Plane, call: Call) -> Reply:
    """How far an operation is."""
    found = plane.world.operations.get(call.parts["id"])
    if found is None:
        raise ApiError(404, service_error("NotFound", 404, "The operation was not found."))
    answer: JsonObject = {
        "id": found.id,
        "operationType": "Service",
        "state": found.state,
        "createdTime": found.created,
        "endTime": found.ended,
        "error": found.error,
        "operationDetails": {"subOperationType": found.stage or "DeployService", "subOperationState": found.state},
        "operationLog": content_uri(plane, f"OperationLogs/{found.id}.txt"),
    }
    return Reply(body=answer)


def keys(plane: Plane, call: Call) -> Reply:
    """Both keys."""
    service = _find(plane, call)
    return Reply(body={"primaryKey": service.primary, "secondaryKey": service.secondary})


def regenerate(plane: Plane, call: Call) -> Reply:
    """A new primary or secondary key: the one given, or a random one."""
    service = _find(plane, call)
    wanted = call.json()
    value = wanted.get("keyValue") or _key()
    if wanted.get("keyType") == "Primary":
        service.primary = value
    elif wanted.get("keyType") == "Secondary":
        service.secondary = value
    else:
        raise ApiError(400, service_error("BadRequest", 400, "keyType must be Primary or Secondary."))
    operation = plane.world.begin(f"services/{service.name}", "RegenerateKeys")
    end(operation, "Succeeded")
    return Reply(202, None, _location(plane, operation))


def token(plane: Plane, call: Call) -> Reply:
    """An access token for a service with token authentication."""
    service = _find(plane, call)
    if not service.settings.get("aadAuthEnabled"):
        raise ApiError(400, service_error("BadRequest", 400, "Token authentication is not enabled for the service."))
    value, issued = secrets.token_urlsafe(24), int(time.time())
    service.tokens[value] = issued + TOKEN_SECONDS
    times = {"refreshAfter": issued + TOKEN_SECONDS // 2, "expiryOn": issued + TOKEN_SECONDS}
    return Reply(body={"accessToken": value, "tokenType": "Bearer", **times})


def logs(plane: Plane, call: Call) -> Reply:
    """The end of the newest container's log."""
    text = plane.deployments.log(_find(plane, call))
    tail = int(call.query.get("tail", 5000))
    return Reply(body={"content": "".join(text.splitlines(keepends=True)[-tail:])})


def body(plane: Plane, service: Service) -> JsonObject:
    """A service as it is answered. Never its keys."""
    settings = service.settings
    given = {key: value for key, value in settings.items() if value is not None}
    answer: JsonObject = DEFAULTS | given
    answer.pop("location", None)
    answer |= {
        "name": service.name,
        "id": service.name,
        "state": service.state,
        "createdTime": service.created,
        "updatedTime": service.updated,
        "computeType": "AKS",
        "computeName": settings.get("computeName"),
        "numReplicas": settings.get("numReplicas"),
        "autoScaler": _autoscaler(settings),
        "containerResourceRequirements": RESOURCES | (settings.get("containerResourceRequirements") or {}),
        "livenessProbeRequirements": PROBE | _given(settings.get("livenessProbeRequirements")),
        "dataCollection": {"eventHubEnabled": False, "storageEnabled": False, **(settings.get("dataCollection") or {})},
        "scoringUri": f"{plane.front}/api/v1/service/{service.name}/score" if service.live is not None else None,
        "createdBy": {"userObjectId": None, "userName": "rehearsal"},
        "models": _models(plane, settings),
        "isDefault": None,
        "trafficPercentile": None,
        "type": None,
    }
    if service.error is not None:
        answer["error"] = service.error
    return answer


def _autoscaler(settings: JsonObject) -> JsonObject:
    """The service scales by itself where no number of replicas is given."""
    wanted = _given(settings.get("autoScaler"))
    return AUTOSCALER | {"autoscaleEnabled": settings.get("numReplicas") is None} | wanted


def _given(values: JsonObject | None) -> JsonObject:
    return {key: value for key, value in (values or {}).items() if value is not None}


def _models(plane: Plane, settings: JsonObject) -> list[JsonObject]:
    ids = (settings.get("environmentImageRequest") or {}).get("modelIds", [])
    return [model.body for id in ids if (model := plane.world.model(id))]


def _check(plane: Plane, wanted: JsonObject) -> None:
    """What the service refuses before it starts anything."""
    if wanted.get("computeType") != "AKS":
        raise _bad(f"No compute type {wanted.get('computeType')!r} here, only AKS.")
    compute = plane.world.computes.get(str(wanted.get("computeName")))
    if compute is None or compute.state != "Succeeded":
        raise _bad(f"The compute {wanted.get('computeName')} was not found or is not ready.", "ComputeNotFound")
    request = wanted.get("environmentImageRequest") or {}
    if not request.get("environment"):
        raise _bad("No environment: deployment without code is not emulated.")
    for id in request.get("modelIds", []):
        if plane.world.model(id) is None:
            raise _bad(f"The model {id} was not found.", "ModelNotFound")


def _bad(message: str, code: str = "InvalidParameter") -> ApiError:
    return ApiError(400, service_error("BadRequest", 400, message, (code, message)))


def _matches(entry: JsonObject, call: Call) -> bool:
    query = call.query
    if "computeType" in query and query["computeType"].upper() != entry["computeType"]:
        return False
    if "modelName" in query and all(model["name"] != query["modelName"] for model in entry["models"]):
        return False
    if "modelId" in query and all(model["id"] != query["modelId"] for model in entry["models"]):
        return False
    return selected(entry["kvTags"], query.get("tags")) and selected(entry["properties"], query.get("properties"))


def _find(plane: Plane, call: Call) -> Service:
    service = plane.world.services.get(call.parts["name"])
    if service is None:
        raise ApiError(404, service_error("NotFound", 404, f"Service with name {call.parts['name']} was not found."))
    return service


def _location(plane: Plane, operation: Operation) -> dict[str, str]:
    path = f"/api/subscriptions/{plane.names.subscription_id}/resourceGroups/{plane.names.resource_group}"
    return {"Operation-Location": f"{path}/workspaces/{plane.names.workspace}/operations/{operation.id}"}


def _key() -> str:
    return new_id().replace("-", "")
