"""A short cut for JSON bodies of plain numbers, which never decides alone.

Numbers go straight into an array, by the fastest parser at hand, once it is proven that they are regular rows. With few
rows and pysimdjson the proof walks the lists: those of a row have one length, and the body has no bracket besides.
Otherwise the body's skeleton (all brackets, commas and keys, numbers taken out) must be the one that rows of its shape
have. Whatever is unusual (strings, null, ragged lists, repeated keys) fails the proof and goes the exact way, which
alone words the refusals; so answers and errors do not depend on what is installed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import accelerate
from .limits import MAX_RANK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .types import Arrays, Bytes, Signature, TensorSpec

_NUMBERS = b"0123456789.eE+- \t\r\n"
_DATA = b'{"data":'
_INPUTS = b'{"inputs":{'
_BRACKET = ord("[")
_PART = 1 << 16
"""Bytes of a body that are looked at together."""

_FEW = 2048
"""Lists that are walked rather than held against a skeleton."""


class PlainRows:
    """Reads plain numeric rows for a signature."""

    def __init__(self, signature: Signature) -> None:
        self._specs = signature.inputs
        self._numeric = all(spec.numpy.kind in "iuf" for spec in signature.inputs)
        self._shaped = all(spec.shape for spec in signature.inputs)

    def read(self, body: Bytes) -> tuple[str, Arrays] | None:
        """The rows by name as float64 (int64 for whole-number inputs), after the body's form, ``data`` or ``inputs``.

        The names are the inputs'. None means nothing but that the exact way must decide.
        """
        if not self._numeric:
            return None
        try:
            lists = _lists(body)
            if accelerate.simdjson is not None and lists <= _FEW and self._shaped:
                return _walked(body, self._specs, lists)
            return _held_against_skeleton(body, self._specs)
        except (ValueError, TypeError, KeyError, OverflowError, RuntimeError, RecursionError, AttributeError):
            return None  # whatever is wrong, the exact way finds it and names it


def _lists(body: Bytes) -> int:
    """How many lists a body opens, counted in parts that stay in the processor's cache."""
    if len(body) <= _PART:
        return body.count(b"[")
    data = np.frombuffer(body, np.uint8)
    return sum(int(np.count_nonzero(data[at : at + _PART] == _BRACKET)) for at in range(0, len(data), _PART))


def _walked(body: Bytes, specs: Sequence[TensorSpec], lists: int) -> tuple[str, Arrays] | None:
    """``lists``: how many opening brackets the body has."""
    form, tensors = _tensors(accelerate.parse(body), specs)
    shapes = {}
    for spec in specs:
        shapes[spec.name], count = _walk(tensors[spec.name], len(spec.shape or ()))
        lists -= count
    return None if lists else _read(form, tensors, specs, shapes)


def _walk(rows: Any, rank: int) -> tuple[tuple[int, ...], int]:
    """The shape of lists nested that deep, and how many there are. Raises `ValueError` where they are ragged."""
    if rank == 2:  # by far the most
        (width,) = set(map(len, rows))
        return (len(rows), width), 1 + len(rows)
    level, shape, count = [rows], [], 0
    for depth in range(rank):
        (length,) = set(map(len, level))
        shape.append(length)
        count += len(level)
        if depth + 1 < rank:
            level = [row for rows in level for row in rows]
    return tuple(shape), count


def _held_against_skeleton(body: Bytes, specs: Sequence[TensorSpec]) -> tuple[str, Arrays] | None:
    skeleton = body.translate(None, _NUMBERS)
    if skeleton.startswith(_DATA) and skeleton.endswith(b"}"):
        shapes = [_regular_shape(skeleton[len(_DATA) : -1])]
    elif skeleton.startswith(_INPUTS) and skeleton.endswith(b"}}"):
        shapes = _named_shapes(skeleton[len(_INPUTS) : -2])
    else:
        return None
    if None in shapes:
        return None
    form, tensors = _tensors(accelerate.parse(body), specs)
    if len(shapes) != len(tensors):
        return None
    return _read(form, tensors, specs, dict(zip(tensors, shapes)))


def _tensors(document: Any, specs: Sequence[TensorSpec]) -> tuple[str, dict[str, Any]]:
    """The form of the document, and its rows by name, in its order. Raises `ValueError` where other names are there."""
    (form,) = document.keys()
    if form == "data" and len(specs) == 1:
        return form, {specs[0].name: document["data"]}
    names = list(document["inputs"].keys())
    if sorted(names) != sorted(spec.name for spec in specs):
        raise ValueError("other names than the inputs'")
    return form, {name: document["inputs"][name] for name in names}


def _read(
    form: str, tensors: dict[str, Any], specs: Sequence[TensorSpec], shapes: dict[str, Any]
) -> tuple[str, Arrays] | None:
    """The numbers, now that it is known where they stand and how many places there are."""
    result: Arrays = {}
    for spec in specs:
        rows, shape = tensors[spec.name], shapes[spec.name]
        array = accelerate.floats(rows) if spec.numpy.kind == "f" else accelerate.wholes(rows)
        # A place without a number ("[]") looks like one with a number until the numbers are counted.
        if array is None or array.size != math.prod(shape):
            return None
        result[spec.name] = array.reshape(shape)
    return form, result


def _named_shapes(skeleton: Bytes) -> list[tuple[int, ...] | None]:
    """The shapes in ``"a":[[,]],"b":[,]``, in that order; ``skeleton``: what stands between the inner braces."""
    parts = skeleton.split(b'"')
    rows = [part[:-1] if part.endswith(b",") else part for part in parts[2::2]]
    return [_regular_shape(row[1:]) if row.startswith(b":") else None for row in rows]


def _regular_shape(skeleton: Bytes) -> tuple[int, ...] | None:
    """The shape of the nested lists with that skeleton, None where they are no regular array."""
    rank = len(skeleton) - len(skeleton.lstrip(b"["))
    if not 0 < rank <= MAX_RANK:
        return None
    width = skeleton.find(b"]", rank) - rank + 1
    block = b"[" + b"," * (width - 1) + b"]"
    shape = [width]
    for depth in range(1, rank):
        end = skeleton.find(b"]" * (depth + 1))
        count = (end + depth - (rank - depth) + 1) // (len(block) + 1)
        if end < 0 or count < 1:
            return None
        block = b"[" + b",".join([block] * count) + b"]"
        shape.append(count)
    return tuple(reversed(shape)) if block == skeleton else None
