"""The seam between HTTP and model: two frozen values, the signature, and the one thing a model must do."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Union

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

Arrays = dict[str, np.ndarray]
"""Tensors by name."""

Bytes = Union[bytes, bytearray]
"""A body: the fast lane reads large ones into a buffer of theirs."""


@cache
def _numpy(dtype: str) -> np.dtype[Any]:
    return np.dtype({"string": "O", "bfloat16": "float32"}.get(dtype, dtype))


class Request(NamedTuple):
    """An HTTP request. ``method``: upper case. ``headers``: names in lower case. ``body``: whole, still compressed
    where ``content-encoding`` says so."""

    method: str
    headers: Mapping[str, str]
    body: Bytes


class Reply(NamedTuple):
    """An HTTP reply, ``content-type`` among its headers."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TensorSpec(NamedTuple):
    """One input or output of the model.

    ``name``: what callers write. ``dtype``: numpy's name, ``string`` or ``bfloat16``. ``shape``: one entry per axis,
    None where any length is taken; None altogether where even the rank is open. ``tensor``: the name inside the model.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    tensor: str

    @property
    def numpy(self) -> np.dtype[Any]:
        """The dtype of the arrays: strings are objects (`str`, or `bytes` that are no UTF-8), bfloat16 is float32."""
        return _numpy(self.dtype)

    def describe(self) -> str:
        """Dtype and shape for people: ``float32 [any, 784]``."""
        if self.shape is None:
            return f"{self.dtype} of any shape"
        return f"{self.dtype} [{', '.join('any' if size is None else str(size) for size in self.shape)}]"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TensorSpec:
        """From an entry of ``CONFIG["signature"]``."""
        shape = None if data["shape"] is None else tuple(data["shape"])
        return cls(data["name"], data["dtype"], shape, data.get("tensor") or data["name"])


class Signature(NamedTuple):
    """What goes into the model and what comes out. ``batch``: the first axis of every input and output is one open
    batch dimension, so that rows of several requests may run as one call."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: bool

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Signature:
        """From ``CONFIG["signature"]``."""
        return cls(
            tuple(TensorSpec.from_dict(tensor) for tensor in data["inputs"]),
            tuple(TensorSpec.from_dict(tensor) for tensor in data["outputs"]),
            bool(data["batch"]),
        )


class Model(Protocol):
    """A loaded model.

    ``device``: where it runs, proven on the loaded model: ``cuda:0 Tesla T4`` or ``cpu``.
    """

    device: str

    def predict(self, inputs: Arrays) -> Arrays:
        """Run the model once, on inputs that fit the signature, by the names callers use; return all outputs likewise.

        The inputs may be read-only (they can be the request's own bytes) and are C-contiguous and aligned. Raise
        `BadRequest` where the model finds a fault in the values that the signature does not show.
        """
        ...
