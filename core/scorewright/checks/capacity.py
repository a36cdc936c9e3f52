"""Whether the replicas find room on the nodes: GPUs, cores and memory, with the system's share and an update's spare.

Counting comes before the image build here; on Azure it comes after it, as a pod that stays unscheduled.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from scorewright.findings import Level

from .cluster import book, nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scorewright.catalogue import Catalogue
    from scorewright.findings import Finding
    from scorewright.spec.models import ServiceSpec

    from .cluster import Nodes
    from .context import CheckContext


@dataclass(frozen=True)
class Pod:
    """What one replica takes of a node, the pod's own overhead included. Cores and GB."""

    service: str
    gpus: int
    cpu: float
    memory: float


@dataclass
class Node:
    """What is left of one node."""

    gpus: int
    cpu: float
    memory: float
    pods: list[Pod] = field(default_factory=list)

    def takes(self, pod: Pod) -> bool:
        """Put a pod on the node, if there is room."""
        fits = self.gpus >= pod.gpus and self.cpu >= pod.cpu - 1e-9 and self.memory >= pod.memory - 1e-9
        if fits:
            self.gpus -= pod.gpus
            self.cpu -= pod.cpu
            self.memory -= pod.memory
            self.pods.append(pod)
        return fits


def capacity(context: CheckContext) -> Iterator[Finding]:
    """Replicas that find no room at all, when scaled out, or while one of them is replaced."""
    cluster = nodes(context)
    if cluster is None:
        return
    facts = book(context)
    fewest = pods(context.spec.services, facts)
    refused = place(fewest, empty_nodes(cluster, facts))
    if refused:
        yield _no_room(context, cluster, refused, fewest, facts)
        return
    yield from _scaled_out(context, cluster, facts)
    yield from _update(context, cluster, fewest, facts)


def pods(services: Mapping[str, ServiceSpec], facts: Catalogue, *, most: bool = False) -> list[Pod]:
    """One pod for each replica; with autoscaling the fewest, or the ``most``."""
    found: list[Pod] = []
    for name, service in services.items():
        found += [pod_of(name, service, facts)] * replicas(service, most=most)
    return found


def pod_of(name: str, service: ServiceSpec, facts: Catalogue) -> Pod:
    """What one replica of a service takes."""
    overhead = facts.limits["pod-overhead"]
    needs = service.resources
    gpus = 0 if service.gpu == "off" else needs.gpus
    return Pod(name, gpus, needs.cpu + overhead.cpu, needs.memory_gb + overhead.memory_gb)


def replicas(service: ServiceSpec, *, most: bool = False) -> int:
    """The number of replicas; with autoscaling the fewest, or the ``most``."""
    if service.autoscale is not None:
        return service.autoscale.max if most else service.autoscale.min
    return service.replicas or 1


def empty_nodes(cluster: Nodes, facts: Catalogue) -> list[Node]:
    """The nodes with what Kubernetes leaves of each, the first without what the cluster's own services take."""
    cpu, memory = allocatable(cluster, facts)
    found = [Node(cluster.gpus_per_node, cpu, memory) for _ in range(cluster.spec.node_count)]
    system = facts.limits["system-pods"]
    # They spread over the nodes; taken off the freest one, which is at first any.
    found[-1].cpu -= system.cpu
    found[-1].memory -= system.memory_gb
    return found


def allocatable(cluster: Nodes, facts: Catalogue) -> tuple[float, float]:
    """Cores and GB of one node that pods may use."""
    steps = facts.limits["kube-reserved-cpu"].steps
    reserved = next((share for cores, share in steps if cluster.size.vcpu <= cores), steps[-1][1])
    kept = facts.limits["kube-reserved-memory"]
    kubelet = min(kept.per_pod_gb * kept.pods + kept.fixed_gb, kept.share * cluster.size.memory_gib)
    return cluster.size.vcpu - reserved, cluster.size.memory_gib - kubelet - kept.memory_gb


def place(wanted: Iterable[Pod], free: Sequence[Node]) -> list[Pod]:
    """Put pods on nodes, the greediest first; what is left over."""
    order = sorted(wanted, key=lambda pod: (-pod.gpus, -pod.memory, -pod.cpu, pod.service))
    return [pod for pod in order if not any(node.takes(pod) for node in free)]


def _no_room(context: CheckContext, cluster: Nodes, refused: list[Pod], wanted: list[Pod], facts: Catalogue) -> Finding:
    first = refused[0]
    at = ("services", first.service, "resources")
    have = cluster.gpus_per_node * cluster.spec.node_count
    need = sum(pod.gpus for pod in wanted)
    hint = _hint(cluster, wanted, facts)
    if need > have:
        sums = ", ".join(_gpu_sum(name, context.spec.services[name]) for name in _services(wanted))
        message = f"the replicas need {need} GPUs ({sums}) and the cluster has {have}: "
        message += f"{cluster.spec.node_count} nodes of {cluster.gpus_per_node}"
        path = (*at[:2], "replicas") if context.spec.services[first.service].replicas else at
        return context.finding("SW1426", message, *path, hint=hint, level=cluster.level)
    cpu, memory = allocatable(cluster, facts)
    message = (
        f"{len(refused)} of {len(wanted)} replicas find no node: one of {first.service} needs {first.gpus} GPUs, "
        f"{first.cpu:g} cores and {first.memory:g} GB with its pod's overhead; a node of {cluster.size.size} has "
        f"{cluster.gpus_per_node} GPUs, {cpu:.2f} cores and {memory:.1f} GB left by the system"
    )
    return context.finding("SW1427", message, *at, hint=hint, level=cluster.level)


def _hint(cluster: Nodes, wanted: list[Pod], facts: Catalogue) -> str:
    count = _enough(cluster, wanted, facts)
    if count is not None:
        return f"cluster.node_count: {count}, or fewer replicas"
    return "take a larger VM size, or give each replica less"


def _enough(cluster: Nodes, wanted: list[Pod], facts: Catalogue) -> int | None:
    """How many nodes would do; None where no number does."""
    cpu, memory = allocatable(cluster, facts)
    if any(not Node(cluster.gpus_per_node, cpu, memory).takes(pod) for pod in wanted):
        return None
    for count in range(cluster.spec.node_count + 1, cluster.spec.node_count + len(wanted) + 2):
        more = replace(cluster, spec=cluster.spec.model_copy(update={"node_count": count}))
        if not place(wanted, empty_nodes(more, facts)):
            return count
    return None


def _gpu_sum(name: str, service: ServiceSpec) -> str:
    gpus = 0 if service.gpu == "off" else service.resources.gpus
    return f"{name} {replicas(service)} x {gpus}"


def _services(wanted: list[Pod]) -> list[str]:
    return list(dict.fromkeys(pod.service for pod in wanted))


def _scaled_out(context: CheckContext, cluster: Nodes, facts: Catalogue) -> Iterator[Finding]:
    scaling = [name for name, service in context.spec.services.items() if service.autoscale is not None]
    refused = place(pods(context.spec.services, facts, most=True), empty_nodes(cluster, facts)) if scaling else []
    if refused:
        message = f"scaled out, {len(refused)} replicas find no room on {cluster.spec.node_count} nodes"
        hint = "Azure ML adds replicas, never nodes: lower autoscale.max, raise cluster.node_count"
        at = ("services", scaling[0], "autoscale")
        yield context.finding("SW1429", message, *at, hint=hint, level=Level.WARNING)


def _update(context: CheckContext, cluster: Nodes, fewest: list[Pod], facts: Catalogue) -> Iterator[Finding]:
    """Whether the largest replica finds room a second time, as it must while it is replaced."""
    for name, service in context.spec.services.items():
        spare = place([*fewest, pod_of(name, service, facts)], empty_nodes(cluster, facts))
        if not spare:
            continue
        at = ("services", name, "replicas")
        alone = replicas(service) == 1
        message = f"{name} finds no room for one more replica, which an update starts beside the old ones"
        message += ": with one replica, callers see an outage" if alone else ": the update has to stop one first"
        hint = f"one node more ({cluster.spec.node_count + 1}) makes updates unnoticed"
        yield context.finding("SW1428", message, *at, hint=hint, level=Level.WARNING)
