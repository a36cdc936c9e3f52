"""The packages that serve ONNX models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.framework import Requirement, Resolution
from scorewright.pins import BASE_IMAGE, GPU_VARIABLES, pick

if TYPE_CHECKING:
    from scorewright.framework import ResolveRequest

# Wheels of onnxruntime-gpu per minor: https://pypi.org/project/onnxruntime-gpu/#files. 1.27 and later are built for
# CUDA 13, which needs driver 580.
_TO_313 = ("3.10", "3.11", "3.12", "3.13")
_FROM_311 = ("3.11", "3.12", "3.13", "3.14")
MINORS = {
    **dict.fromkeys(("1.21", "1.22", "1.23"), _TO_313),
    **dict.fromkeys(("1.24", "1.25", "1.26", "1.28", "1.29", "1.30", "1.31"), _FROM_311),
}


def resolve(request: ResolveRequest) -> Resolution:
    """onnxruntime-gpu with CUDA and cuDNN as packages, or onnxruntime; never both, they share one module folder."""
    chosen = pick(request, "onnxruntime", MINORS)
    runtime = Requirement(
        gpu=f"onnxruntime-gpu[cuda,cudnn]=={chosen.release}",
        cpu=f"onnxruntime=={chosen.release}",
        same_as=("onnxruntime-gpu",),
    )
    return Resolution(
        version=chosen.version,
        python=chosen.python,
        pythons=chosen.pythons,
        requirements=(runtime,),
        image=BASE_IMAGE,
        variables=GPU_VARIABLES if request.gpu else {},
        choices=chosen.choices,
        findings=chosen.findings,
    )
