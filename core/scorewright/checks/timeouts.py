"""The chain of time-outs between a caller and the model, and which of them is the one that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.findings import Level

from .cluster import LOCAL, book
from .quota import MANAGED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding

    from .context import CheckContext


def timeouts(context: CheckContext) -> Iterator[Finding]:
    """Services whose ``timeout_ms`` something on the way to them cuts short."""
    if context.target.name == LOCAL:
        return
    for name, service in context.spec.services.items():
        shorter = [(limit, who) for limit, who in _chain(context) if limit < service.timeout_ms]
        if not shorter:
            continue
        effective = min(shorter)[0]
        stops = "; ".join(f"{who} at {limit / 1000:g} s" for limit, who in sorted(shorter))
        message = (
            f"{name} may take {service.timeout_ms / 1000:g} s for a request, but is cut short on the way: {stops}. "
            f"The effective limit is {effective / 1000:g} s"
        )
        hint = f"timeout_ms: {effective}, or answer sooner and hand long work to a queue"
        yield context.finding("SW1435", message, "services", name, "timeout_ms", hint=hint, level=Level.WARNING)


def _chain(context: CheckContext) -> list[tuple[int, str]]:
    """What ends a request besides the worker, in milliseconds."""
    limits = book(context).limits
    idle = (int(limits["idle-connection-ms"].value or 0), "the load balancer drops a silent connection")
    if context.target.name == MANAGED and context.spec.cluster is None:
        return [(int(limits["managed-timeout-ms"].value or 0), "a managed endpoint gives up"), idle]
    kubernetes = (int(limits["aks-timeout-ms"].value or 0), "an endpoint on Kubernetes gives up")
    if context.target.name == MANAGED:
        return [kubernetes, idle]
    front = (int(limits["front-end-timeout-ms"].value or 0), "the cluster's front end was seen to give up")
    return [front, kubernetes, idle]


def start(context: CheckContext) -> Iterator[Finding]:
    """Probes that would end a service before it can have started."""
    for name, service in context.spec.services.items():
        probes = service.probes
        patience = probes.initial_delay_seconds + probes.period_seconds * probes.failure
        if patience < 60 and context.target.name != LOCAL:
            message = f"{name} is restarted if it does not answer {patience} s after its start: too soon to load CUDA"
            hint = "probes.initial_delay_seconds: 310, Azure ML's own default"
            at = ("services", name, "probes", "initial_delay_seconds")
            yield context.finding("SW1434", message, *at, hint=hint, level=Level.WARNING)
