"""What TensorFlow's protocol buffers say, as plain values.

Field numbers: ``saved_model.proto``, ``meta_graph.proto``, ``node_def.proto`` and ``types.proto`` in
https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.protowire import Message

DTYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "complex64",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    20: "resource",
    21: "variant",
    22: "uint32",
    23: "uint64",
}
_REFERENCE = 100  # TensorFlow 1 marks the dtype of a variable by adding this.
VARIABLE_OPS = frozenset(["VarHandleOp", "VariableV2", "Variable", "VarIsInitializedOp"])


@dataclass(frozen=True)
class Tensor:
    """One input or output of a signature. ``kind``: a dtype, or what it is if no tensor. ``name``: in the graph."""

    key: str
    kind: str
    shape: tuple[int | None, ...] | None
    name: str


@dataclass(frozen=True)
class SignatureDef:
    """One signature of a saved model. ``method``: empty for the one that runs initialisers."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class MetaGraph:
    """One graph of a saved model. ``message``: its ``MetaGraphDef``, for what is not read here."""

    tags: tuple[str, ...]
    version: str
    signatures: dict[str, SignatureDef]
    message: Message

    def nodes(self) -> Iterator[Message]:
        """Every node of the graph and of the functions it calls."""
        graph = self.message.message(2)
        yield from graph.messages(1)
        for function in graph.message(2).messages(1):
            yield from function.messages(3)


def meta_graph(message: Message) -> MetaGraph:
    """Read a ``MetaGraphDef``. Raises `WireError` if it is broken."""
    info = message.message(1)
    return MetaGraph(
        tags=tuple(info.texts(4)),
        version=info.text(5),
        signatures={key: _signature(found) for key, found in message.mapping(5).items()},
        message=message,
    )


def dtype(number: int) -> str:
    """A dtype by its number in ``types.proto``; a variable's reference counts as what it refers to."""
    return DTYPES.get(number % _REFERENCE, f"element type {number}")


def shape(message: Message) -> tuple[int | None, ...] | None:
    """A ``TensorShapeProto``: -1 is an open axis, ``unknown_rank`` an open rank."""
    if message.number(3):
        return None
    sizes = (dim.signed(1) for dim in message.messages(2))
    return tuple(None if size < 0 else size for size in sizes)


def _signature(message: Message) -> SignatureDef:
    return SignatureDef(_tensors(message, 1), _tensors(message, 2))


def _tensors(message: Message, number: int) -> tuple[Tensor, ...]:
    return tuple(_tensor(key, info) for key, info in message.mapping(number).items())


def _tensor(key: str, info: Message) -> Tensor:
    if 4 in info:
        return Tensor(key, "sparse tensor", None, "")
    if 5 in info:
        return Tensor(key, "composite tensor", None, "")
    return Tensor(key, dtype(info.number(2)), shape(info.message(3)) if 3 in info else None, info.text(1))
