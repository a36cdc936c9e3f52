"""What goes into a model and what comes out: names, dtypes and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from .findings import Json

Plain: TypeAlias = Literal[
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "string",
]
"""The element types that a request can carry: numpy's names, and ``string``."""

DTYPES = frozenset([*get_args(Plain), "bfloat16"])
"""The dtypes a signature may name."""


@dataclass(frozen=True)
class TensorSpec:
    """One input or output.

    ``name``: what callers write. ``dtype``: one of `DTYPES`. ``shape``: one entry per axis, None where any length is
    taken; ``shape`` itself is None where even the rank is open. ``tensor``: the name inside the model where it differs
    from ``name`` (``network/X:0``).
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    tensor: str | None = None

    def to_dict(self) -> dict[str, Json]:
        """The tensor as plain data; the form the runtime reads."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": None if self.shape is None else list(self.shape),
            "tensor": self.tensor or self.name,
        }


@dataclass(frozen=True)
class Signature:
    """All inputs and outputs of a model, in the model's order.

    ``batch``: the first axis of every input and output is one open batch dimension, so that rows of several
    requests may run as one call. True only where the model itself says so.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: bool

    def to_dict(self) -> dict[str, Json]:
        """The signature as plain data; the form the runtime reads."""
        return {
            "inputs": [tensor.to_dict() for tensor in self.inputs],
            "outputs": [tensor.to_dict() for tensor in self.outputs],
            "batch": self.batch,
        }
