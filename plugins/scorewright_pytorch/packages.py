"""The packages that serve PyTorch models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.framework import Requirement, Resolution
from scorewright.pins import BASE_IMAGE, GPU_VARIABLES, pick

if TYPE_CHECKING:
    from scorewright.framework import ResolveRequest

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# Minors whose ordinary wheel runs on a T4 and on numpy 2: https://pytorch.org/get-started/previous-versions/.
# 2.11 and later carry CUDA 13, which needs driver 580.
MINORS = {
    "2.4": ("3.9", "3.10", "3.11", "3.12"),
    **dict.fromkeys(("2.5", "2.6", "2.7", "2.8"), ("3.9", "3.10", "3.11", "3.12", "3.13")),
    **dict.fromkeys(("2.9", "2.10", "2.11", "2.12", "2.13", "2.14"), ("3.10", "3.11", "3.12", "3.13", "3.14")),
    "2.15": ("3.11", "3.12", "3.13", "3.14", "3.15"),
}


def resolve(request: ResolveRequest) -> Resolution:
    """torch, and numpy, which torch uses without asking for it."""
    chosen = pick(request, "torch", MINORS)
    torch = f"torch=={chosen.release}"
    requirements = [
        Requirement(gpu=torch, cpu=torch, cpu_index=CPU_INDEX),
        Requirement(gpu="numpy>=1.26,<3", cpu="numpy>=1.26,<3"),
    ]
    if request.format == "safetensors":
        requirements.append(Requirement(gpu="safetensors>=0.4", cpu="safetensors>=0.4"))
    return Resolution(
        version=chosen.version,
        python=chosen.python,
        pythons=chosen.pythons,
        requirements=tuple(requirements),
        image=BASE_IMAGE,
        variables=GPU_VARIABLES if request.gpu else {},
        choices=chosen.choices,
        findings=chosen.findings,
    )
