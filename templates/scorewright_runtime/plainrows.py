"""A short cut for JSON bodies of plain numbers, which never decides alone.

Numbers go straight into an array, by the fastest parser at hand, once it is proven that they are regular rows. With few
rows and pysimdjson the proof walks the lists: those of a row have one length, and the body has no bracket besides.
Otherwise the body's skeleton (all brackets, commas and keys, numbers taken out) must be the one that rows of its shape
have. Whatever is unusual (strings, null, ragged lists, repeated keys) fails the proof and goes the exact way, which
alone words the refusals; so answers and errors do not depend on what is installed.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from . import accelerate
from .convert import cast, conform, from_json
from .errors import BadRequest
from .limits import MAX_RANK

if TYPE_CHECKING:
    from .types import Arrays, Bytes, Signature, TensorSpec

_NUMBERS = b"0123456789.eE+- \t\r\n"
_DATA = b'{"data":'
_INPUTS = b'{"inputs":{'

_FEW = 2048
"""Lists that are walked rather than held against a skeleton."""

_SHARED = 4 * 1024 * 1024
"""Bytes of a body up to which one parser, with the memory that it has, serves all requests in turn."""


class Input:
    """What an input of the model takes, as it is looked at with every request."""

    def __init__(self, spec: TensorSpec, batched: bool) -> None:
        self._spec, self._batched = spec, batched
        self.rank = len(spec.shape or ())
        dtype = spec.numpy
        self._dtype, self._floating = dtype, dtype.kind == "f"
        self._limit = float(np.finfo(dtype).max) if self._floating else 0.0
        first, *tail = spec.shape or (1,)
        known = first is None and None not in tail and 0 not in tail and dtype.kind != "O"
        self._tail = tuple(tail) if known else None

    def take(self, value: Any) -> np.ndarray:
        """The array that the model takes, of an array or of decoded JSON; the very array where it fits.

        Raises `BadRequest`: SW1516 for shapes, SW1517 for values.
        """
        if not isinstance(value, np.ndarray):
            array = from_json(value, self._spec)
        elif self._fits(value):
            return value
        else:
            array = cast(value, self._spec)
        conform(array, self._spec, self._batched)
        return array

    def array(self, rows: Any, shape: tuple[int, ...]) -> np.ndarray:
        """The numbers as the model takes them, now that it is known where they stand and how many places there are.

        Raises what is in `_UNUSUAL` where they do not fit.
        """
        array = accelerate.floats(rows) if self._floating else accelerate.wholes(rows)
        # A place without a number ("[]") looks like one with a number until the numbers are counted.
        if array is None or array.size != math.prod(shape) or not array.size:
            raise ValueError("not as many numbers as places")
        if not self._floating:
            array = cast(array, self._spec)
        elif np.maximum.reduce(array) > self._limit or np.minimum.reduce(array) < -self._limit:
            raise ValueError("a number is too large for the dtype")
        else:
            array = array.astype(self._dtype, copy=False)
        array = array.reshape(shape)
        if shape[1:] != self._tail:
            conform(array, self._spec, self._batched)
        return array

    def _fits(self, array: np.ndarray) -> bool:
        """Whether an array surely can go into the model as it is; of others `cast` and `conform` know."""
        flags = array.flags
        known = array.dtype == self._dtype and array.shape[1:] == self._tail and array.ndim
        return bool(known and array.size and flags.c_contiguous and flags.aligned)


class PlainRows:
    """Reads plain numeric rows for a signature."""

    def __init__(self, signature: Signature, inputs: dict[str, Input]) -> None:
        self._inputs = inputs
        self._batch = signature.batch
        self._parser = accelerate.parser()
        self._lock = threading.Lock()
        self._only = next(iter(self._inputs)) if len(self._inputs) == 1 else None
        self._numeric = all(spec.numpy.kind in "iuf" for spec in signature.inputs)
        self._shaped = all(spec.shape for spec in signature.inputs)

    def read(self, body: Bytes) -> tuple[str, Arrays] | None:
        """The rows by name, fit for the model, after the body's form: ``data`` or ``inputs``.

        None means nothing but that the exact way must decide.
        """
        if not self._numeric:
            return None
        try:
            lists = _lists(body) if self._parser is not None and self._shaped else math.inf
            found = self._walked(body, lists) if lists <= _FEW else self._held_against_skeleton(body)
        except _UNUSUAL:
            return None  # whatever is wrong, the exact way finds it and names it
        if self._only is None and self._batch and found and len({len(array) for array in found[1].values()}) > 1:
            return None
        return found

    def _walked(self, body: Bytes, lists: float) -> tuple[str, Arrays] | None:
        """``lists``: how many opening brackets the body has."""
        if len(body) > _SHARED:
            return self._walk_document(accelerate.parse(body), lists)
        with self._lock:  # nothing of a document may be left when the parser gets the next one
            return self._walk_document(self._parser.parse(body), lists)

    def _walk_document(self, document: Any, lists: float) -> tuple[str, Arrays] | None:
        form, tensors = self._tensors(document)
        arrays: Arrays = {}
        for name, input in self._inputs.items():
            rows = tensors[name]
            shape, count = _walk(rows, input.rank)
            lists -= count
            arrays[name] = input.array(rows, shape)
        return None if lists else (form, arrays)

    def _held_against_skeleton(self, body: Bytes) -> tuple[str, Arrays] | None:
        skeleton = body.translate(None, _NUMBERS)
        if skeleton.startswith(_DATA) and skeleton.endswith(b"}"):
            shapes = [_regular_shape(skeleton[len(_DATA) : -1])]
        elif skeleton.startswith(_INPUTS) and skeleton.endswith(b"}}"):
            shapes = _named_shapes(skeleton[len(_INPUTS) : -2])
        else:
            return None
        form, tensors = self._tensors(accelerate.parse(body))
        if len(shapes) != len(tensors):
            return None
        arrays: Arrays = {}
        for shape, (name, rows) in zip(shapes, tensors.items()):
            if shape is None:
                return None
            arrays[name] = self._inputs[name].array(rows, shape)
        return form, {name: arrays[name] for name in self._inputs}

    def _tensors(self, document: Any) -> tuple[str, dict[str, Any]]:
        """The form of a document, and its rows by name, in its order. Raises `ValueError` for other names."""
        (form,) = document.keys()
        if form == "data" and self._only is not None:
            return form, {self._only: document["data"]}
        names = list(document["inputs"].keys())  # one may be there twice
        if sorted(names) != sorted(self._inputs):
            raise ValueError("other names than the inputs'")
        return form, {name: document["inputs"][name] for name in names}


_UNUSUAL = (ValueError, TypeError, KeyError, OverflowError, RuntimeError, RecursionError, AttributeError, BadRequest)


def _lists(body: Bytes) -> int:
    """How many lists a body opens; where there are more than a few, just that."""
    count, at = 0, body.find(b"[")
    while at >= 0 and count <= _FEW:
        count += 1
        at = body.find(b"[", at + 1)
    return count


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
