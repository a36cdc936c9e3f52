"""What an ONNX file says, as plain values. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from scorewright.protowire import WireError, parse_file

if TYPE_CHECKING:
    from pathlib import Path

    from scorewright.protowire import Message

DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
}
# Bits that one element takes in memory; types that are not here (strings) count as nothing.
_BITS = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16}
_BITS |= {17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8}
_TENSOR_TYPE, _KINDS = 1, {4: "sequence", 5: "map", 7: "opaque value", 8: "sparse tensor", 9: "optional"}
_EXTERNAL = 1


@dataclass(frozen=True)
class Value:
    """One input or output of the graph.

    ``kind``: a dtype, or what it is if no tensor. ``shape``: None where the rank is open. ``axes``: for each open axis
    the name that the model gives it, empty if none.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...] | None
    axes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExternalData:
    """A piece of a file beside the model: ``location`` as written in the model, and the bytes it must at least have."""

    location: str
    end: int


@dataclass(frozen=True)
class OnnxFile:
    """What an ONNX file says of itself. ``inputs``: those that callers give, not the stored weights."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    opset: int
    ir_version: int
    producer: str
    weights_bytes: int
    external: tuple[ExternalData, ...]


def read(path: Path) -> OnnxFile:
    """Read an ONNX file without its weights. Raises `WireError` if it is broken, `OSError` if it cannot be read."""
    model = parse_file(path)
    if 7 not in model:
        raise WireError("it holds no graph")
    graph = model.message(7)
    initializers = list(graph.messages(5))
    stored = {tensor.text(8) for tensor in initializers}
    stored |= {sparse.message(1).text(8) for sparse in graph.messages(15)}
    opsets = {entry.text(1): entry.signed(2) for entry in model.messages(8)}
    return OnnxFile(
        inputs=tuple(value for value in map(_value, graph.messages(11)) if value.name not in stored),
        outputs=tuple(map(_value, graph.messages(12))),
        opset=opsets.get("", opsets.get("ai.onnx", 1)),
        ir_version=model.signed(1),
        producer=f"{model.text(2)} {model.text(3)}".strip(),
        weights_bytes=sum(map(_size, initializers)),
        external=tuple(_external(tensor) for tensor in initializers if tensor.number(14) == _EXTERNAL),
    )


def _value(info: Message) -> Value:
    name, kind = info.text(1), info.message(2)
    if _TENSOR_TYPE not in kind:
        return Value(name, next((said for number, said in _KINDS.items() if number in kind), "unknown type"), None)
    tensor = kind.message(_TENSOR_TYPE)
    element = tensor.number(1)
    dtype = DTYPES.get(element, f"element type {element}")
    if 2 not in tensor:
        return Value(name, dtype, None)
    dims = list(tensor.message(2).messages(1))
    shape = tuple(dim.signed(1) if 1 in dim and dim.signed(1) >= 0 else None for dim in dims)
    return Value(name, dtype, shape, tuple(dim.text(2) for dim in dims))


def _size(tensor: Message) -> int:
    return prod(tensor.signed_all(1)) * _BITS.get(tensor.number(2), 0) // 8


def _external(tensor: Message) -> ExternalData:
    said = {entry.text(1): entry.text(2) for entry in tensor.messages(13)}
    offset, length = (int(said.get(key) or 0) for key in ("offset", "length"))
    return ExternalData(said.get("location", ""), offset + (length or _size(tensor)))
