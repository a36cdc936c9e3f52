"""The packages that serve ONNX models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from scorewright import compat
from scorewright.findings import Finding, Level

if TYPE_CHECKING:
    from scorewright.framework import Resolution, ResolveRequest

_TENSORRT = (("1.27", "tensorrt-cu13-libs>=10,<11"), ("1.19", "tensorrt-cu12-libs>=10,<11"))
"""TensorRT for onnxruntime from this release on, by the libraries that its TensorRT provider is linked to.

https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html, and measured on the wheels of 1.22 and
1.31: both want libnvinfer.so.10.
"""


def resolve(request: ResolveRequest) -> Resolution:
    """onnxruntime-gpu with CUDA and cuDNN, or onnxruntime; never both, they share one module folder.

    What the model needs is its opset and IR version; the exporter that wrote it has versions of its own.
    """
    opset, version = request.load.get("opset"), request.load.get("ir_version")
    resolution = compat.resolve(
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
    return _with_tensorrt(resolution, request.gpu) if request.options.get("tensorrt") else resolution


def _with_tensorrt(resolution: Resolution, gpu: bool) -> Resolution:
    """The same with the libraries of TensorRT; with an error where it cannot run."""
    if not gpu:
        return _refused(resolution, "tensorrt needs a GPU, and gpu is off")
    served = Version(resolution.version)
    wanted = next((package for since, package in _TENSORRT if served >= Version(since)), None)
    if wanted is None or not resolution.requirements:
        return _refused(resolution, f"tensorrt needs onnxruntime 1.19 or later; this is {served}")
    first, *others = resolution.requirements
    return replace(
        resolution,
        requirements=(replace(first, with_gpu=(*first.with_gpu, wanted)), *others),
        choices=(*resolution.choices, f"{wanted}: the option tensorrt"),
    )


def _refused(resolution: Resolution, message: str) -> Resolution:
    finding = Finding(Level.ERROR, "SW1287", message, hint="leave tensorrt out", path="framework.options.tensorrt")
    return replace(resolution, findings=(*resolution.findings, finding))
