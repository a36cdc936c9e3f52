"""A small model, signatures and configurations for the runtime's tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np

from scorewright_runtime import Arrays, Outcome, Signature, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from scorewright_runtime.batcher import Batcher


class Doubler:
    """A model that returns each input doubled, under ``double_NAME``; strings come back twice."""

    device = "cpu"

    def predict(self, inputs: Arrays) -> Arrays:
        """Every input doubled."""
        return {f"double_{name}": array + array for name, array in inputs.items()}


def signature_of(batch: bool = True, **inputs: tuple[str, list[int | None]]) -> Signature:
    """A signature of `Doubler` from ``name=(dtype, shape)``."""
    specs = [TensorSpec(name, dtype, tuple(shape), name) for name, (dtype, shape) in inputs.items()]
    outputs = [TensorSpec(f"double_{spec.name}", spec.dtype, spec.shape, spec.name) for spec in specs]
    return Signature(tuple(specs), tuple(outputs), batch)


def config_of(signature: Signature, **changes: object) -> dict[str, Any]:
    """A ``CONFIG`` with that signature and the changes."""
    tensors = {side: [spec._asdict() for spec in getattr(signature, side)] for side in ("inputs", "outputs")}
    config: dict[str, Any] = {
        "service": "digits",
        "model": {"name": "digits", "file": "weights.bin"},
        "framework": "onnx",
        "format": "onnx",
        "gpu": "prefer",
        "gpu_explicit": False,
        "signature": {**tensors, "batch": signature.batch},
        "outputs": None,
        "output": "raw",
        "image": None,
        "handler": None,
        "batching": False,
        "lane": "stock",
        "timeout_ms": 60000,
        "cpus": 1,
        "load": {},
    }
    return {**config, **changes}


def equal(left: np.ndarray, right: np.ndarray) -> bool:
    """Same dtype, shape and values, NaN included."""
    if left.dtype.kind == "O":
        return left.shape == right.shape and left.tolist() == right.tolist()
    return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")


def submit(batcher: Batcher, inputs: Arrays, gone: Callable[[], bool]) -> asyncio.Future[Outcome]:
    """Queue a request, and wait for it; giving the future up is leaving."""
    future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def done(result: Outcome | BaseException) -> None:
        if future.done():
            return
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)

    batcher.queue(inputs, done, lambda: future.done() or gone())
    return future
