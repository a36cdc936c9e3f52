"""The cluster as the checks see it, and whether its VM size can be had and carries a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorewright import catalogue as facts
from scorewright.compat import machine
from scorewright.findings import Level
from scorewright.price import hourly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.catalogue import Catalogue
    from scorewright.catalogue.models import Gpu, VmSize
    from scorewright.findings import Finding
    from scorewright.spec.models import Cluster

    from .context import CheckContext

LOCAL = "local"
AT = ("cluster", "vm_size")


@dataclass(frozen=True)
class Nodes:
    """The nodes of a cluster. ``level``: how bad it is if something does not fit them: on the local target, and with a
    cluster whose nodes we did not choose, only a warning."""

    spec: Cluster
    size: VmSize
    gpu: Gpu
    level: Level

    @property
    def gpus_per_node(self) -> int:
        """What a pod can ask of one node: a slice of a GPU counts as one."""
        return max(1, int(self.size.gpu_count)) if self.gpu.vendor == "nvidia" else 0


def book(context: CheckContext) -> Catalogue:
    """The facts that the checks go by."""
    return context.resolved.catalogue or facts.shipped()


def level(context: CheckContext) -> Level:
    """How bad a fault of the cluster is on the target in question."""
    cluster = context.spec.cluster
    elsewhere = context.target.name == LOCAL or (cluster is not None and cluster.attach is not None)
    return Level.WARNING if elsewhere else Level.ERROR


def nodes(context: CheckContext) -> Nodes | None:
    """The cluster's nodes; None without a cluster, and for nodes or sizes of which nothing is known."""
    cluster = context.spec.cluster
    if cluster is None or (cluster.attach is not None and "vm_size" not in cluster.model_fields_set):
        return None
    size = book(context).vm_size(cluster.vm_size)
    if size is None:
        return None
    return Nodes(cluster, size, book(context).gpus[size.gpu], level(context))


def needs_gpu(context: CheckContext, service: str) -> bool:
    """Whether a service refuses to run without a GPU on the target in question."""
    return (context.spec.services[service].gpu or context.target.gpu_default) == "require"


def vm_sizes(context: CheckContext) -> Iterator[Finding]:
    """VM sizes that are misspelt, gone, about to go, without capacity, or without the GPU that a service requires."""
    cluster = context.spec.cluster
    if cluster is None or (cluster.attach is not None and "vm_size" not in cluster.model_fields_set):
        return
    size = book(context).vm_size(cluster.vm_size)
    if size is None:
        yield from _unknown(context, cluster.vm_size)
    elif size.gone:
        yield _gone(context, size, cluster.location)
    elif machine.unusable(size, book(context)) is not None:
        yield from _without_gpu(context, size)
    else:
        yield from _doubtful(context, size)


def _unknown(context: CheckContext, name: str) -> Iterator[Finding]:
    if machine.has_no_gpu(name):
        wanting = [service for service in context.spec.services if needs_gpu(context, service)]
        if wanting:
            message = f"VM size {name} has no GPU, and {', '.join(wanting)} must run on one"
            yield context.finding("SW1422", message, *AT, hint=_propose(context), level=level(context))
        return
    near = book(context).nearest_vm_size(name)
    hint = f"did you mean {near.size}?" if near else "scorewright gpus lists the sizes with GPUs"
    if near is not None and _letters(near.size) == _letters(name):
        message = f"VM size {name} is misspelt: Azure writes {near.size}"
        yield context.finding("SW1420", message, *AT, hint=hint, level=level(context))
        return
    message = f"VM size {name} is not in the catalogue: nothing is known of its GPU and driver"
    yield context.finding("SW1420", message, *AT, hint=hint, level=Level.WARNING)


def _letters(name: str) -> str:
    """A size's letters and digits, which no two sizes share."""
    return "".join(filter(str.isalnum, name.lower()))


def _gone(context: CheckContext, size: VmSize, location: str | None) -> Finding:
    where = (location or "").lower().replace(" ", "")
    exempt = next((one for one in size.retirement_exceptions if where in one.regions), None)
    if where and exempt is not None:
        message = f"VM size {size.size} was retired on {size.retirement_date}; in {where} it ends on {exempt.until}"
        return context.finding("SW1423", message, *AT, hint=_successor(context, size), level=Level.WARNING)
    message = f"VM size {size.size} was retired on {size.retirement_date} and cannot be created"
    return context.finding("SW1421", message, *AT, hint=_successor(context, size), level=level(context))


def _without_gpu(context: CheckContext, size: VmSize) -> Iterator[Finding]:
    wanting = [service for service in context.spec.services if needs_gpu(context, service)]
    reason = machine.unusable(size, book(context))
    if wanting and reason is not None:
        message = f"{reason.text}, and {', '.join(wanting)} must run on a GPU"
        yield context.finding("SW1422", message, *AT, hint=_successor(context, size), level=level(context))


def _doubtful(context: CheckContext, size: VmSize) -> Iterator[Finding]:
    if size.status == "capacity-limited":
        message = f"Azure adds no more capacity for VM size {size.size}: creating it may fail even with quota"
        yield context.finding("SW1423", message, *AT, hint=size.notes, level=Level.WARNING)
    if size.retirement_date is not None:
        message = f"VM size {size.size} ends on {size.retirement_date}"
        yield context.finding("SW1423", message, *AT, hint=_successor(context, size), level=Level.WARNING)
    if size.confidence == "low":
        message = f"what is known of VM size {size.size} is not certain: {size.notes or 'there is no official page'}"
        yield context.finding("SW1424", message, *AT, level=Level.INFO)


def _successor(context: CheckContext, size: VmSize) -> str:
    return _described(context, machine.successor(size, book(context)))


def _propose(context: CheckContext) -> str:
    from scorewright.compat import DEFAULT_SIZE

    return _described(context, book(context).vm_sizes[DEFAULT_SIZE])


def _described(context: CheckContext, size: VmSize) -> str:
    gpu = book(context).gpus[size.gpu]
    price = hourly(size)
    cost = f"about ${price.usd_per_hour:.2f} an hour" if price else "price unknown"
    count = f"{size.gpu_count:g} x " if size.gpu_count >= 1 else "a slice of "
    return f"take {size.size}: {count}{gpu.name}, {size.vcpu} vCPUs, {size.memory_gib:g} GiB, {cost}"
