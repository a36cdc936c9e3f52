"""The packages that serve ONNX models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright import compat

if TYPE_CHECKING:
    from scorewright.framework import Resolution, ResolveRequest


def resolve(request: ResolveRequest) -> Resolution:
    """onnxruntime-gpu with CUDA and cuDNN, or onnxruntime; never both, they share one module folder.

    What the model needs is its opset and IR version; the exporter that wrote it has versions of its own.
    """
    opset, version = request.load.get("opset"), request.load.get("ir_version")
    return compat.resolve(
        compat.Need(
            framework="onnxruntime",
            gpu=request.gpu,
            version=request.version,
            python=request.python,
            vm_size=request.vm_size,
            opset=opset if isinstance(opset, int) else None,
            ir=version if isinstance(version, int) else None,
        ),
        request.catalogue,
    )
