"""The local target: desired state, endpoints, logs and keys of services on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.target import Endpoint, Keys, Resource, Target

from .checks import check, require_platform
from .deploy import delete, deploy, missing, rollback
from .environment import environments_left
from .files import read_json, write_json
from .follow import read_log
from .observe import observe, scoring_uri
from .orphans import orphans
from .places import service_place
from .service import ensure_keys, find_front, new_key
from .storage import stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.bundle import Bundle
    from scorewright.target import ChangeRequest, DesiredRequest, LiveResource, ServiceRequest, TargetRequest


def desired(request: DesiredRequest) -> tuple[Resource, ...]:
    """One resource per service: its bundle by hash, and what the front needs to know beside it."""
    return tuple(_service(bundle) for bundle in request.bundles.values())


def _service(bundle: Bundle) -> Resource:
    return Resource(
        "service",
        bundle.service,
        {
            "hash": bundle.hash,
            "auth": bundle.spec.auth,
            "timeout_ms": bundle.spec.timeout_ms,
            "max_concurrent_requests": bundle.spec.max_concurrent_requests,
            "running": True,
        },
        service=bundle.service,
        hourly_usd=0.0,
        parts=bundle.parts,
    )


def change(request: ChangeRequest) -> LiveResource:
    """Create or update a service. Raises `DeploymentError`."""
    require_platform()
    return deploy(request)


def endpoint(request: ServiceRequest) -> Endpoint:
    """Where a service is called, with its primary key. Raises `DeploymentError` (SW2007)."""
    place = service_place(request.spec, request.service)
    record = read_json(place.record)
    if find_front(place) is None or not record.get("current"):
        raise missing(request.service)
    return Endpoint(request.service, scoring_uri(record["port"]), {"Authorization": f"Bearer {keys(request).primary}"})


def keys(request: ServiceRequest) -> Keys:
    """The keys of a service. Raises `DeploymentError` (SW2007)."""
    found = read_json(service_place(request.spec, request.service).keys)
    if not found:
        raise missing(request.service)
    return Keys(found["primary"], found["secondary"])


def regenerate_key(request: ServiceRequest) -> Keys:
    """Make one key anew; the other stays valid, so that callers can move over. Raises `DeploymentError` (SW2007)."""
    place = service_place(request.spec, request.service)
    keys(request)
    with stored(request.service):
        write_json(place.keys, {**ensure_keys(place), request.key: new_key()})
    found = find_front(place)
    if found is not None:
        found[0].reload_keys()
    return keys(request)


def logs(request: ServiceRequest) -> Iterator[str]:
    """The lines of a service's log; with ``follow`` until the service is taken down.

    Raises `DeploymentError` (SW2007).
    """
    place = service_place(request.spec, request.service)
    if not place.folder.is_dir():
        raise missing(request.service)
    return read_log(place, follow=request.follow)


def left(request: TargetRequest) -> tuple[str, ...]:
    """What ``down`` leaves: environments that others may use, and services that no deploy file names any more."""
    return (*orphans(), *environments_left())


LOCAL = Target(
    name="local",
    summary="This machine: Azure ML's own scoring server behind a key, on the loopback interface.",
    gpu_default="prefer",
    check=check,
    desired=desired,
    observe=observe,
    create=change,
    update=change,
    delete=delete,
    endpoint=endpoint,
    logs=logs,
    keys=keys,
    regenerate_key=regenerate_key,
    rollback=rollback,
    left=left,
)
