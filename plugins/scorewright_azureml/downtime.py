"""What callers see of an update, and the spare GPUs it needs, with the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .settings import gpus

if TYPE_CHECKING:
    from scorewright.spec.models import ServiceSpec, Spec


def spare_gpus(spec: Spec) -> tuple[int, str] | None:
    """GPUs of the cluster that no replica of the deploy file uses, and the sum; None where the cluster is attached
    or its size is not known."""
    from scorewright import catalogue

    cluster = spec.cluster
    size = catalogue.load(spec.origin.root).vm_size(cluster.vm_size) if cluster and not cluster.attach else None
    if cluster is None or size is None:
        return None
    each = int(size.gpu_count)
    used = sum(_replicas(service) * gpus(service) for service in spec.all_services.values())
    total = cluster.node_count * each
    return total - used, f"{cluster.node_count} nodes x {each} = {total} GPUs, {used} used"


def tries_candidate(spec: Spec, service: ServiceSpec) -> bool:
    """Whether a new version is tried beside the live one: if that is wanted, and a GPU is free for it."""
    spare = spare_gpus(spec)
    return service.azureml.candidate and (spare is None or spare[0] >= gpus(service))


def verdict(spec: Spec, service: ServiceSpec) -> str:
    """What callers see of an update in place.

    Azure ML rolls replicas over with a surge and an unavailability of one
    (https://github.com/Azure/azure-cli/issues/18272).
    """
    spare = spare_gpus(spec)
    needs = gpus(service)
    room = f"needs {needs} spare GPU; {spare[1]}, {spare[0]} spare" if spare and needs else "spare GPUs unknown"
    if not needs:
        room = "needs no GPU"
    if tries_candidate(spec, service):
        return f"none: a new version is tried as a second service first, settings roll over at once ({room})"
    if _replicas(service) > 1:
        return f"fewer replicas for a while; a new version is not tried beside the live one ({room})"
    return f"an outage while the only replica is replaced; a new version is not tried first ({room})"


def _replicas(service: ServiceSpec) -> int:
    return service.autoscale.max if service.autoscale else (service.replicas or 1)
