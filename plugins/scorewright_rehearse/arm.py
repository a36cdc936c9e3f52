"""The resource manager: subscriptions, the workspace, where its services live, and AKS clusters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .exchange import ApiError, Call, Reply, arm_error
from .plane import WORKSPACE_ID, Plane
from .world import Compute, new_id, now

if TYPE_CHECKING:
    from .world import JsonObject

PURPOSES = frozenset({"FastProd", "DenseProd", "DevTest"})
COMPUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,14}[A-Za-z0-9]")
DEFAULT_VM_SIZE = "Standard_D3_v2"


def subscriptions(plane: Plane, call: Call) -> Reply:
    """The one subscription."""
    id = plane.names.subscription_id
    entry = {"id": f"/subscriptions/{id}", "subscriptionId": id, "displayName": "rehearsal", "state": "Enabled"}
    return Reply(body={"value": [entry]})


def workspace(plane: Plane, call: Call) -> Reply:
    """The workspace."""
    names = plane.names
    group = names.scope.rpartition("/Microsoft.MachineLearningServices/")[0]
    storage = f"{group}/Microsoft.Storage/storageAccounts/{names.account}"
    return Reply(
        body={
            "id": names.scope,
            "name": names.workspace,
            "location": names.location,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "sku": {"name": "Basic", "tier": "Basic"},
            "properties": {
                "workspaceId": WORKSPACE_ID,
                "friendlyName": names.workspace,
                "provisioningState": "Succeeded",
                "storageAccount": storage,
                "discoveryUrl": plane.url("api", "/discovery"),
            },
        }
    )


def discovery(plane: Plane, call: Call) -> Reply:
    """Where the workspace's services are."""
    base = plane.url("api", "")
    services = dict.fromkeys(("api", "experimentation", "history", "hyperdrive", "studio"), base)
    return Reply(body=services | {"modelmanagement": plane.url("models", "")})


def get_compute(plane: Plane, call: Call) -> Reply:
    """One cluster, or 404."""
    return Reply(body=_body(plane, _find(plane, call.parts["name"])))


def list_computes(plane: Plane, call: Call) -> Reply:
    """All clusters of the workspace."""
    return Reply(body={"value": [_body(plane, compute) for compute in plane.world.computes.values()]})


def put_compute(plane: Plane, call: Call) -> Reply:
    """Create, attach or change a cluster; it is ready when its operation says so."""
    name, wanted = call.parts["name"], call.json().get("properties") or {}
    _check(name, wanted)
    attached = bool(wanted.get("resourceId"))
    before = plane.world.computes.get(name)
    if before is not None and before.state in {"Creating", "Updating", "Deleting"}:
        if before.state == "Deleting" or before.properties != _without_certificate(wanted.get("properties")):
            raise ApiError(409, arm_error("Conflict", f"The compute {name} is in transition."))
        return Reply(200, _body(plane, before), _location(plane, before.operation))  # the same request once more
    operation = plane.world.begin(f"computes/{name}", "update" if before else "create", plane.durations.cluster)
    operation.failure = call.failure
    plane.world.computes[name] = Compute(
        name=name,
        location=wanted.get("computeLocation") or call.json().get("location") or plane.names.location,
        resource_id=wanted.get("resourceId") or _managed_cluster(plane, name),
        attached=before.attached if before else attached,
        properties=_without_certificate(wanted.get("properties")),
        tags=call.json().get("tags"),
        description=wanted.get("description"),
        created=before.created if before else now(),
        modified=now(),
        operation=operation.id,
        state="Updating" if before else "Creating",
    )
    return Reply(200 if before else 201, _body(plane, plane.world.computes[name]), _location(plane, operation.id))


def delete_compute(plane: Plane, call: Call) -> Reply:
    """Delete or detach a cluster. Services on it stop being served."""
    compute = _find(plane, call.parts["name"])
    if call.query.get("underlyingResourceAction", "").lower() not in {"delete", "detach"}:
        raise ApiError(400, arm_error("BadArgument", "underlyingResourceAction must be delete or detach."))
    operation = plane.world.begin(f"computes/{compute.name}", "delete", plane.durations.cluster_delete)
    operation.failure = call.failure
    compute.state, compute.operation, compute.modified = "Deleting", operation.id, now()
    for service in plane.world.services.values():
        if service.settings.get("computeName") == compute.name:
            plane.deployments.strand(service)
    return Reply(202, None, _location(plane, operation.id))


def compute_operation(plane: Plane, call: Call) -> Reply:
    """How far a cluster's operation is."""
    operation = plane.world.operations.get(call.parts["id"])
    if operation is None:
        raise ApiError(404, arm_error("NotFound", "The operation was not found."))
    body: JsonObject = {"id": call.path, "name": operation.id, "status": "InProgress", "startTime": operation.created}
    if operation.ended:
        body |= {"status": operation.state, "endTime": operation.ended}
    if operation.error:
        body["error"] = operation.error
    return Reply(body=body)


def _check(name: str, wanted: JsonObject) -> None:
    inner = wanted.get("properties") or {}
    if wanted.get("computeType") != "AKS":
        raise ApiError(400, arm_error("BadArgument", f"No compute type {wanted.get('computeType')!r} here, only AKS."))
    if not COMPUTE_NAME.fullmatch(name):
        text = f"Compute name {name} is not valid: 2 to 16 letters, digits and dashes, first a letter, last no dash."
        raise ApiError(400, arm_error("BadArgument", text))
    if inner.get("clusterPurpose") not in {None, *PURPOSES}:
        raise ApiError(400, arm_error("BadArgument", f"Cluster purpose {inner['clusterPurpose']!r} is not known."))


def _without_certificate(properties: JsonObject | None) -> JsonObject | None:
    """Certificates and their keys go in and never come out."""
    tls = (properties or {}).get("sslConfiguration")
    if properties is None or not isinstance(tls, dict):
        return properties
    return properties | {"sslConfiguration": tls | {"cert": None, "key": None}}


def _find(plane: Plane, name: str) -> Compute:
    compute = plane.world.computes.get(name)
    if compute is None:
        raise ApiError(404, arm_error("NotFound", f"The compute {name} was not found."))
    return compute


def _location(plane: Plane, id: str) -> dict[str, str]:
    path = f"/subscriptions/{plane.names.subscription_id}/providers/Microsoft.MachineLearningServices/locations"
    url = plane.url("arm", f"{path}/{plane.names.location}/computeOperationsStatus/{id}?api-version=2022-05-01")
    return {"Azure-AsyncOperation": url}


def _managed_cluster(plane: Plane, name: str) -> str:
    group = plane.names.scope.rpartition("/Microsoft.MachineLearningServices/")[0]
    return f"{group}/Microsoft.ContainerService/managedClusters/{name}{new_id()[:10]}"


def _body(plane: Plane, compute: Compute) -> JsonObject:
    inner: JsonObject = {"loadBalancerType": "PublicIp"} | (compute.properties or {})
    inner.setdefault("clusterPurpose", "FastProd")
    inner.setdefault("agentCount", 1 if inner["clusterPurpose"] == "DevTest" else 3)
    inner.setdefault("agentVmSize", DEFAULT_VM_SIZE)
    for key in ("loadBalancerSubnet", "clusterFqdn", "systemServices"):
        inner.setdefault(key, None)
    if compute.state == "Succeeded":
        front = {"systemServiceType": "ScoringFrontEnd", "version": "1", "publicIpAddress": "127.0.0.1"}
        inner |= {"clusterFqdn": f"{compute.name}.rehearsal.invalid", "systemServices": [front]}
    return {
        "id": f"{plane.names.scope}/computes/{compute.name}",
        "name": compute.name,
        "location": plane.names.location,
        "tags": compute.tags,
        "type": "Microsoft.MachineLearningServices/workspaces/computes",
        "properties": {
            "computeType": "AKS",
            "computeLocation": compute.location,
            "description": compute.description,
            "resourceId": compute.resource_id,
            "provisioningState": compute.state,
            "provisioningErrors": compute.errors or None,
            "isAttachedCompute": compute.attached,
            "createdOn": compute.created,
            "modifiedOn": compute.modified,
            "properties": inner,
        },
    }
