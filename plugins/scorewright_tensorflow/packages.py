"""The packages that serve TensorFlow models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.framework import Requirement, Resolution
from scorewright.pins import BASE_IMAGE, GPU_VARIABLES, pick

if TYPE_CHECKING:
    from scorewright.framework import ResolveRequest

# Minors whose `and-cuda` extra carries CUDA 12, with the Pythons they have wheels for:
# https://www.tensorflow.org/install/source#gpu
_TO_312 = ("3.9", "3.10", "3.11", "3.12")
MINORS = {
    "2.15": ("3.9", "3.10", "3.11"),
    **dict.fromkeys(("2.16", "2.17", "2.18", "2.19"), _TO_312),
    "2.20": (*_TO_312, "3.13"),
    "2.21": ("3.10", "3.11", "3.12", "3.13"),
}


def resolve(request: ResolveRequest) -> Resolution:
    """TensorFlow with CUDA as packages, or its CPU build, which is another distribution with the same module."""
    chosen = pick(request, "tensorflow", MINORS)
    tensorflow = Requirement(
        gpu=f"tensorflow[and-cuda]=={chosen.release}",
        cpu=f"tensorflow-cpu=={chosen.release}",
        same_as=("tensorflow",),
    )
    return Resolution(
        version=chosen.version,
        python=chosen.python,
        pythons=chosen.pythons,
        requirements=(tensorflow,),
        image=BASE_IMAGE,
        variables=GPU_VARIABLES if request.gpu else {},
        choices=chosen.choices,
        findings=chosen.findings,
    )
