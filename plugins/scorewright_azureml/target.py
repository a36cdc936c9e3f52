"""The target ``azureml``: what shall exist, what does, and the record that says who does what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.target import Resource, Target

from . import access, cluster, models, services, tags, versions
from .checks import check
from .connection import connect, refused
from .downtime import verdict
from .sdk import SdkError
from .settings import properties

if TYPE_CHECKING:
    from scorewright.target import (
        ChangeRequest,
        DeleteRequest,
        DesiredRequest,
        LiveResource,
        ServiceRequest,
        TargetRequest,
    )

_CHANGELESS = frozenset(["cluster", "namespace", "blobfuse"])


def desired(request: DesiredRequest) -> tuple[Resource, ...]:
    """The cluster, and for every service its model and itself."""
    from scorewright.price import cost

    spec = request.spec
    wanted: list[Resource] = []
    if spec.cluster is not None:
        wanted.append(cluster.resource(spec, spec.cluster, cost(spec.cluster).hourly))
    for bundle in request.bundles.values():
        model = models.resource(bundle)
        depends = [resource.address for resource in (model, *wanted[:1]) if resource is not None]
        if model is not None and model.address not in {resource.address for resource in wanted}:
            wanted.append(model)
        wanted.append(
            Resource(
                "service",
                bundle.service,
                properties(spec, bundle),
                replace_on=_CHANGELESS,
                depends_on=tuple(depends),
                service=bundle.service,
                parts=bundle.parts,
                hourly_usd=0.0,  # it runs on nodes that are paid for
                downtime=verdict(spec, bundle.spec),
            )
        )
    return tuple(wanted)


def observe(request: TargetRequest) -> tuple[LiveResource, ...]:
    """The named cluster, our models, and every service that is ours or bears a name that we want."""
    spec, connection = request.spec, connect(request.spec)
    try:
        found = connection.read("service_list")
        registered = connection.read("model_list", tags={tags.MADE: None})
        compute = connection.read("compute_get", name=spec.cluster.name) if spec.cluster else None
    except SdkError as error:
        raise refused(error, f"look at workspace {connection.workspace.name}") from error
    seen: list[LiveResource] = []
    if spec.cluster is not None and compute is not None:
        seen.append(cluster.live(spec, spec.cluster, compute))
    seen += models.live(spec, registered, found)
    return (*seen, *services.seen(spec, found, models.parts(registered)))


def change(request: ChangeRequest) -> LiveResource:
    """Create or update one resource. Raises `DeploymentError`."""
    connection = connect(request.spec)
    if request.resource.kind == "cluster":
        return cluster.ensure(connection, request.spec, request.emit)
    assert request.bundle is not None
    if request.resource.kind == "model":
        return models.ensure(connection, request.spec, request.bundle, request.emit)
    return services.Change(connection, request).apply()


def delete(request: DeleteRequest) -> None:
    """Delete one resource and wait until it is gone. Raises `DeploymentError`."""
    connection, live = connect(request.spec), request.live
    if live.kind == "cluster":
        cluster.remove(connection, live, request.emit)
    elif live.kind == "model":
        models.remove(connection, request.spec, live.name)
    else:
        services.remove(connection, request.spec, live.name, request.emit)


def rollback(request: ServiceRequest) -> LiveResource:
    """Put a service back to the version before. Raises `DeploymentError`."""
    return services.live(request.spec, versions.rollback(connect(request.spec), request))


def left(request: TargetRequest) -> tuple[str, ...]:
    """What is left of ours or of the deploy file, as the workspace lists it now, and what it costs."""
    from scorewright.price import cost

    spec, lines = request.spec, []
    for found in observe(request):
        if found.kind == "cluster":
            price = cost(spec.cluster).hourly if spec.cluster else None
            tell = f"about {price:.2f} USD an hour" if price is not None else "price unknown"
            whose = "ours: scorewright down --cluster deletes it" if found.owned else "not made by this deploy file"
            lines.append(f"cluster {found.name}: {tell}; {whose}")
        elif found.ours and found.owned:
            lines.append(f"{found.kind} {found.name}")
    return tuple(lines)


AZUREML = Target(
    name="azureml",
    summary="GPU AKS of Azure Machine Learning through azureml-core: AksCompute and AksWebservice.",
    gpu_default="require",
    check=check,
    desired=desired,
    observe=observe,
    create=change,
    update=change,
    delete=delete,
    endpoint=access.endpoint,
    logs=access.logs,
    keys=access.keys,
    regenerate_key=access.regenerate_key,
    rollback=rollback,
    left=left,
)
