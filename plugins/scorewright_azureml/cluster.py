"""The GPU cluster: found, created or attached, waited for, deleted or detached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError
from scorewright.target import LiveResource, Resource

from . import tags
from .connection import refused
from .rollout import told
from .sdk import SdkError
from .sdk.compute import PURPOSES
from .waiting import CLUSTER, CLUSTER_GONE, Clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorewright.events import Emit
    from scorewright.findings import Json
    from scorewright.spec.models import Cluster, Spec

    from .connection import Connection

_GOING = frozenset(["Deleting", "Detaching"])
_BUSY = frozenset(["Creating", "Updating", "Attaching", *_GOING])


def resource(spec: Spec, cluster: Cluster, hourly_usd: float | None) -> Resource:
    """The cluster that shall exist. Nothing of it can be changed in place through azureml-core."""
    properties: dict[str, Json] = {"type": "AKS", "attached": cluster.attach is not None, "ready": True}
    if cluster.attach is None:
        properties |= {"vm_size": cluster.vm_size, "node_count": cluster.node_count, "purpose": cluster.purpose}
        if cluster.location is not None:
            properties["location"] = cluster.location
    else:
        properties["resource_id"] = cluster.attach.lower()
    changeless = frozenset(properties) - {"ready"}
    return Resource("cluster", cluster.name, properties, replace_on=changeless, hourly_usd=hourly_usd)


def live(spec: Spec, cluster: Cluster, found: Mapping[str, Any]) -> LiveResource:
    """The cluster that exists. What somebody else made serves as it is: it counts as attached by us, never as ours."""
    wanted = resource(spec, cluster, None).properties
    if found["type"] != "AKS":
        return LiveResource("cluster", cluster.name, {"type": found["type"]}, ours=False, owned=False)
    ours = tags.is_ours(found["tags"])
    purposes = {value: key for key, value in PURPOSES.items()}
    seen: dict[str, Json] = {
        "type": "AKS",
        "attached": found["attached"],
        "ready": found["state"] == "Succeeded",
        "vm_size": found["vm_size"],
        "node_count": found["node_count"],
        "purpose": purposes.get(found["purpose"], found["purpose"]),
        "location": found["location"],
        "resource_id": (found["resource_id"] or "").lower(),
    }
    # A cluster made in the portal serves as it is: what it has is what is wanted.
    properties = {key: _seen(seen[key], value) if ours else value for key, value in wanted.items()}
    properties["ready"] = seen["ready"]
    return LiveResource(
        "cluster",
        cluster.name,
        properties,
        ours=ours,
        owned=tags.is_owned(found["tags"], spec, named=True),
        state=_state(found["state"]),
        info={"vm_size": found["vm_size"], "node_count": found["node_count"], "provisioning": found["state"]},
    )


def _seen(value: Json, wanted: Json) -> Json:
    """The value, in the wanted spelling where only that differs: Azure answers ``eastus`` to ``East US``."""
    return wanted if _plain(value) == _plain(wanted) else value


def _plain(value: Json) -> Json:
    return value.lower().replace(" ", "") if isinstance(value, str) else value


def _state(provisioning: str | None) -> str:
    if provisioning == "Succeeded":
        return "healthy"
    return "changing" if provisioning in _BUSY else "failed"


def settings(cluster: Cluster) -> dict[str, Json]:
    """Arguments of ``provisioning_configuration`` or ``attach_configuration``, and ``ssl``."""
    internal = {"load_balancer_type": "InternalLoadBalancer"} if cluster.load_balancer == "internal" else {}
    if cluster.load_balancer_subnet is not None:
        internal["load_balancer_subnet"] = cluster.load_balancer_subnet
    found: dict[str, Json] = {"cluster_purpose": PURPOSES[cluster.purpose], **internal}
    if cluster.attach is not None:
        found["resource_id"] = cluster.attach
    else:
        found |= {"vm_size": cluster.vm_size, "agent_count": cluster.node_count, "location": cluster.location}
        found |= _network(cluster)
    return found | ({"ssl": _ssl(cluster)} if cluster.tls else {})


def _network(cluster: Cluster) -> dict[str, Json]:
    network = cluster.network
    if network is None:
        return {}
    return {
        "vnet_name": network.vnet_name,
        "vnet_resourcegroup_name": network.vnet_resource_group,
        "subnet_name": network.subnet_name,
        "service_cidr": network.service_cidr,
        "dns_service_ip": network.dns_service_ip,
        "docker_bridge_cidr": network.docker_bridge_cidr,
    }


def _ssl(cluster: Cluster) -> dict[str, Json]:
    tls = cluster.tls
    assert tls is not None
    if tls.leaf_domain_label is not None:
        return {"leaf_domain_label": tls.leaf_domain_label, "overwrite_existing_domain": True}
    return {
        "ssl_cname": tls.cname,
        "ssl_cert_pem_file": str(tls.cert_file),
        "ssl_key_pem_file": str(tls.key_file),
    }


def ensure(connection: Connection, spec: Spec, emit: Emit) -> LiveResource:
    """Create or attach the cluster unless that is under way, and wait until it is ready. Safe to repeat.

    Raises `DeploymentError`: SW2111 with the service's reasons if it fails.
    """
    cluster = spec.cluster
    assert cluster is not None
    clock = Clock(emit, f"cluster/{cluster.name}")
    found = _get(connection, cluster.name)
    if found is not None and found["state"] in _GOING:  # an earlier run was stopped while it deleted it
        _until_gone(connection, cluster.name, clock)
        found = None
    if found is None or found["state"] in {"Failed", "Canceled"}:
        found = _ask(connection, spec, cluster)
    _until_ready(connection, cluster, clock)
    found = _get(connection, cluster.name)
    assert found is not None
    return live(spec, cluster, found)


def _ask(connection: Connection, spec: Spec, cluster: Cluster) -> Any:  # noqa: ANN401 - as the SDK's process gives it
    operation = "compute_attach" if cluster.attach else "compute_create"
    marks = tags.of(spec, "cluster")
    try:
        return connection.write(operation, name=cluster.name, settings=settings(cluster), tags=marks)
    except SdkError as error:
        found = _get(connection, cluster.name) if error.may_have_happened else None
        if found is not None and tags.is_ours(found["tags"]):
            return found  # the answer was lost, the cluster was not
        raise refused(error, f"create cluster {cluster.name}") from error


def _get(connection: Connection, name: str) -> Any:  # noqa: ANN401 - as the SDK's process gives it
    try:
        return connection.read("compute_get", name=name)
    except SdkError as error:
        raise refused(error, f"look at cluster {name}") from error


def _until_ready(connection: Connection, cluster: Cluster, clock: Clock) -> None:
    def look() -> bool:
        clock.enter(CLUSTER, f"{cluster.node_count} x {cluster.vm_size}" if not cluster.attach else "attaching")
        found = _get(connection, cluster.name)
        if found is None or found["state"] in {"Failed", "Canceled"}:
            raise _failed(cluster, found)
        return bool(found["state"] == "Succeeded")

    clock.wait(look)


def _failed(cluster: Cluster, found: Mapping[str, Any] | None) -> DeploymentError:
    from scorewright.diagnosis import Evidence, diagnose

    reasons = told(found["errors"] or f"it is {found['state']}") if found is not None else "it is gone"
    diagnosis = diagnose([Evidence("compute", reasons)])
    steps = diagnosis.steps if diagnosis.known else ()
    return DeploymentError(
        diagnosis.code or "SW2111",
        f"cluster {cluster.name} could not be made",
        cause=f"{diagnosis.cause.rstrip('.')}: {reasons}" if diagnosis.code else reasons,
        steps=[*steps, "run the same command again; a failed cluster is asked for anew"],
    )


def remove(connection: Connection, found: LiveResource, emit: Emit) -> None:
    """Delete a cluster that we made or detach one that we attached, and wait until it is gone.

    Raises `DeploymentError`: SW2112 if services that are not ours run on it.
    """
    attached = bool(found.properties["attached"])
    _refuse_if_used(connection, found.name)
    clock = Clock(emit, found.address)
    clock.enter(CLUSTER_GONE, "detaching" if attached else "deleting")
    try:
        connection.write("compute_delete", name=found.name, detach=attached)
    except SdkError as error:
        now = _get(connection, found.name) if error.may_have_happened else {"state": None}
        if now is not None and now["state"] not in _GOING:
            raise refused(error, f"delete cluster {found.name}") from error
    _until_gone(connection, found.name, clock)


def _until_gone(connection: Connection, name: str, clock: Clock) -> None:
    def look() -> bool:
        clock.enter(CLUSTER_GONE)
        return _get(connection, name) is None

    clock.wait(look)


def _refuse_if_used(connection: Connection, name: str) -> None:
    try:
        services = connection.read("service_list")
    except SdkError as error:
        raise refused(error, f"see what runs on cluster {name}") from error
    others = [service["name"] for service in services if service["compute"] == name]
    if others:
        raise DeploymentError(
            "SW2112",
            f"cluster {name} is still in use",
            cause=f"these services run on it and are not of this deploy file: {', '.join(sorted(others))}",
            steps=["delete them first, or leave the cluster: scorewright down"],
        )
