"""Azure's own rules of numbers: cores that a purpose needs, cores that a quota must have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scorewright.findings import Level

from .capacity import replicas
from .cluster import LOCAL, book, nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding

    from .context import CheckContext

MANAGED = "azureml-v2"


def purpose(context: CheckContext) -> Iterator[Finding]:
    """Clusters that are too small for their purpose."""
    cluster = nodes(context)
    if cluster is None or cluster.spec.attach is not None:
        return
    rule = book(context).limits["min-production-vcpus"]
    least = int(rule.value or 0)
    cores = cluster.size.vcpu * cluster.spec.node_count
    if cluster.spec.purpose != "dev-test" and cores < least:
        enough = math.ceil(least / cluster.size.vcpu)
        message = (
            f"the cluster has {cores} vCPUs ({cluster.spec.node_count} x {cluster.size.vcpu}); with purpose "
            f"{cluster.spec.purpose} Azure ML wants {least} or more"
        )
        hint = f"cluster.node_count: {enough}, or cluster.purpose: dev-test"
        yield context.finding("SW1432", message, "cluster", "node_count", hint=hint, level=cluster.level)


def quota(context: CheckContext) -> Iterator[Finding]:
    """The cores that the subscription's quota must have, as a sum, so that it can be compared with the portal's."""
    cluster = nodes(context)
    if cluster is None or context.target.name == LOCAL or cluster.spec.attach is not None:
        return
    size, count = cluster.size, cluster.spec.node_count
    text = f"{count} x {size.vcpu} = {count * size.vcpu} vCPUs of the {size.series} family"
    message = f"this needs a quota of {text} in {cluster.spec.location or 'the region of the workspace'}"
    hint = "compare it with the quota page of the portal before the image build: Azure asks only after it"
    yield context.finding("SW1433", message, "cluster", "vm_size", hint=hint, level=Level.INFO)


def managed_quota(context: CheckContext) -> Iterator[Finding]:
    """The same for managed endpoints, which ask for a reserve on top."""
    if context.target.name != MANAGED or context.spec.cluster is not None:
        return
    factor = book(context).limits["managed-quota-factor"].value or 1.0
    for name, service in context.spec.services.items():
        count = replicas(service, most=True)
        message = f"{name} asks the quota for {math.ceil(count * factor)} instances: {count} and a reserve for updates"
        yield context.finding("SW1433", message, "services", name, "replicas", level=Level.INFO)
