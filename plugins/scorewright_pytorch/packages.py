"""The packages that serve PyTorch models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scorewright import compat
from scorewright.framework import Requirement

if TYPE_CHECKING:
    from scorewright.framework import Resolution, ResolveRequest

SAFETENSORS = Requirement(gpu="safetensors>=0.4", cpu="safetensors>=0.4")


def resolve(request: ResolveRequest) -> Resolution:
    """torch in the CUDA variant that runs on the cluster's GPU, and numpy, which torch uses without asking for it."""
    resolution = compat.resolve(
        compat.Need(
            framework="pytorch",
            gpu=request.gpu,
            version=request.version,
            written_by=(request.written_by or "").removeprefix("torch").strip() or None,
            python=request.python,
            vm_size=request.vm_size,
        ),
        request.catalogue,
    )
    if request.format != "safetensors":
        return resolution
    return replace(resolution, requirements=(*resolution.requirements, SAFETENSORS))
