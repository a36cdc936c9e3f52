"""The packages that serve PyTorch models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from scorewright import catalogue, compat
from scorewright.findings import Finding, Level
from scorewright.framework import Requirement

if TYPE_CHECKING:
    from scorewright.framework import Resolution, ResolveRequest

_BFLOAT16 = Version("8.0")
"""The least compute capability with bfloat16: https://docs.nvidia.com/cuda/cuda-c-programming-guide/"""

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
    resolution = replace(resolution, findings=(*resolution.findings, *_without_bfloat16(request)))
    if request.format != "safetensors":
        return resolution
    return replace(resolution, requirements=(*resolution.requirements, SAFETENSORS))


def _without_bfloat16(request: ResolveRequest) -> list[Finding]:
    """An error where the cluster's GPU would have to imitate bfloat16, which is slower than doing without."""
    if request.options.get("autocast") != "bfloat16" or not request.gpu or request.vm_size is None:
        return []
    facts = request.catalogue or catalogue.shipped()
    size = facts.vm_size(request.vm_size)
    gpu = None if size is None else facts.gpus[size.gpu]
    if gpu is None or gpu.compute_capability is None or Version(gpu.compute_capability) >= _BFLOAT16:
        return []
    message = f"autocast: {gpu.name} (compute capability {gpu.compute_capability}) does not compute in bfloat16"
    hint = "write autocast: float16"
    return [Finding(Level.ERROR, "SW1287", message, hint=hint, path="framework.options.autocast")]
