"""Whether a model's parameters fit the GPU and the memory of a replica."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.findings import Level

from .cluster import LOCAL, book, needs_gpu, nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding

    from .context import CheckContext

GIB = 2**30
GB = 1e9
LOADING = 2.0
"""A model is in memory twice while it is loaded: as the file's bytes and as the framework's tensors."""


def memory(context: CheckContext) -> Iterator[Finding]:
    """Models that do not fit the GPU of a node, or the memory that a replica is given."""
    for name, service in context.resolved.services.items():
        weights = service.inspection.weights_bytes
        if weights is None:
            continue
        if needs_gpu(context, name):
            yield from _gpu(context, name, weights)
        yield from _ram(context, name, weights)


def _gpu(context: CheckContext, name: str, weights: int) -> Iterator[Finding]:
    cluster = nodes(context)
    if cluster is None or cluster.gpus_per_node == 0:
        return
    have = cluster.size.gpu_memory_gib / cluster.gpus_per_node
    work = book(context).limits["gpu-working-memory"].value or 0.0
    need = weights / GIB
    at = ("cluster", "vm_size")
    said = f"the parameters of {name} take {need:.1f} GiB and a GPU of {cluster.size.size} has {have:g} GiB"
    if need >= have:
        hint = "take a GPU with more memory (scorewright gpus --sort memory), or a smaller or quantised model"
        yield context.finding("SW1430", said, *at, hint=hint, level=cluster.level)
    elif need + work > have:
        hint = f"CUDA and its libraries need about {work:g} GiB more: try it on one node first"
        yield context.finding("SW1430", f"{said}: hardly any is left", *at, hint=hint, level=Level.WARNING)


def _ram(context: CheckContext, name: str, weights: int) -> Iterator[Finding]:
    have = context.spec.services[name].resources.memory_gb
    need = weights / GB
    at = ("services", name, "resources", "memory_gb")
    if need >= have:
        message = f"the parameters take {need:.1f} GB and a replica has {have:g} GB"
        hint = f"memory_gb: {_rounded(need * LOADING + 1)}"
        # On this machine nothing holds a service to what it was given.
        bad = Level.WARNING if context.target.name == LOCAL else Level.ERROR
        yield context.finding("SW1431", message, *at, hint=hint, level=bad)
    elif need * LOADING + 0.5 > have:
        message = f"while it loads, the model takes about {need * LOADING + 0.5:.1f} GB and a replica has {have:g} GB"
        hint = f"memory_gb: {_rounded(need * LOADING + 1)}"
        yield context.finding("SW1431", message, *at, hint=hint, level=Level.WARNING)


def _rounded(gigabytes: float) -> int:
    return int(gigabytes) + 1
