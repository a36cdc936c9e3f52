"""The packages that serve TensorFlow models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright import compat

if TYPE_CHECKING:
    from scorewright.framework import Resolution, ResolveRequest


def resolve(request: ResolveRequest) -> Resolution:
    """TensorFlow with its CUDA, or its CPU build, which is another distribution with the same module.

    Keras files name the Keras that wrote them, other files the TensorFlow. Of the former only the generation counts:
    files of Keras 2 are loaded by Keras 2.
    """
    writer = request.written_by or ""
    keras = writer.removeprefix("keras").strip() if writer.startswith("keras") else None
    return compat.resolve(
        compat.Need(
            framework="tensorflow",
            gpu=request.gpu,
            version=request.version,
            written_by=None if keras is not None else request.written_by,
            python=request.python,
            vm_size=request.vm_size,
            keras=2 if keras and keras.startswith("2") else None,
        ),
        request.catalogue,
    )
