"""What a service says of GPUs, against itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.findings import Level

from .cluster import needs_gpu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding

    from .context import CheckContext


def gpu_settings(context: CheckContext) -> Iterator[Finding]:
    """Services that require a GPU and ask for none, or run without and ask for some."""
    for name, service in context.spec.services.items():
        at = ("services", name, "resources", "gpus")
        if service.resources.gpus == 0 and needs_gpu(context, name):
            message = f"{name} must run on a GPU and asks for none: its pods would see no device and init() would fail"
            yield context.finding("SW1425", message, *at, hint="gpus: 1, or gpu: off")
        elif service.gpu == "off" and service.resources.gpus and "gpus" in service.resources.model_fields_set:
            message = f"{name} has gpu: off and asks for {service.resources.gpus} GPUs, which others could use"
            yield context.finding("SW1425", message, *at, hint="gpus: 0", level=Level.WARNING)
        elif service.resources.gpus > 1:
            message = f"one replica of {name} uses one GPU; it asks for {service.resources.gpus}"
            hint = "gpus: 1, and more replicas"
            yield context.finding("SW1425", message, *at, hint=hint, level=Level.WARNING)
