"""JSON bodies: exact decoding with the standard library, and a short cut for plain numbers that never decides alone.

The short cut compares the body's skeleton (all brackets, commas and keys, numbers taken out) with the one that rows of
the same shape must have. Only then does the fastest parser at hand read the numbers: pysimdjson, orjson or the standard
library. Whatever is unusual (strings, null, ragged lists, repeated keys) has another skeleton and goes the exact way,
which alone words the refusals; so answers and errors do not depend on what is installed.
"""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

from . import accelerate
from .errors import BadRequest
from .limits import MAX_CONTAINERS, MAX_RANK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .types import Arrays, Signature, TensorSpec

_NUMBERS = b"0123456789.eE+- \t\r\n"
_DATA = b'{"data":'
_INPUTS = b'{"inputs":{'
_CHARSETS = {
    "": "utf-8",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin-1": "latin-1",
    "utf-16": "utf-16",
}


def decode(body: bytes, charset: str = "") -> Any:
    """The JSON document in a body.

    Raises `BadRequest`: SW1510 for an empty body, SW1511 for what is no JSON (NaN, Infinity and repeated keys count as
    such), SW1513 for an unknown charset, SW1514 for too many lists.
    """
    if not body.strip():
        raise BadRequest("SW1510", 'the body is empty; send JSON such as {"data": [[…]]}')
    codec = _CHARSETS.get(charset.lower())
    if codec is None:
        raise BadRequest("SW1513", f"the charset {charset!r} is not supported; send UTF-8")
    if body.count(b"[") + body.count(b"{") > MAX_CONTAINERS:
        raise BadRequest("SW1514", f"the body has more than {MAX_CONTAINERS} lists and objects")
    if codec == "utf-8":
        document = accelerate.decode(body)
        if document is not accelerate.UNDECIDED:
            return document
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as error:
        raise BadRequest("SW1511", f"the body is not valid {codec}: {error.reason} at byte {error.start}") from None
    return _loads(text[1:] if text.startswith("\ufeff") else text)


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique, parse_int=_PARSE_INT)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest("SW1511", f"the body is not valid JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise BadRequest("SW1511", "the JSON is nested too deep") from None
    except ValueError:  # Python's limit on the digits of one whole number
        raise BadRequest("SW1511", "the JSON has a number of more than 4000 digits") from None


def _no_constant(name: str) -> None:
    raise BadRequest("SW1511", f"{name} is not JSON; send finite numbers, or a binary body such as application/x-npy")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise BadRequest("SW1511", f"the key {repeated[:80]!r} occurs twice in one JSON object", repeated[:80])
    return result


def _bounded_int(digits: str) -> int:
    if len(digits) > 4000:
        raise ValueError("too many digits")
    return int(digits)


_PARSE_INT: Callable[[str], int] | None = None if hasattr(sys, "set_int_max_str_digits") else _bounded_int
"""Older Pythons take any number of digits, in quadratic time."""


def numbers(body: bytes, signature: Signature) -> tuple[str, Arrays] | None:
    """Plain numeric rows as float64 (int64 for whole-number inputs), after the body's form, ``data`` or ``inputs``.

    None means nothing but that the exact way must decide.
    """
    specs = signature.inputs
    if any(spec.numpy.kind not in "iuf" for spec in specs):
        return None
    skeleton = body.translate(None, _NUMBERS)
    if skeleton.startswith(_DATA) and skeleton.endswith(b"}") and len(specs) == 1:
        form, shapes = "data", [_regular_shape(skeleton[len(_DATA) : -1])]
    elif skeleton.startswith(_INPUTS) and skeleton.endswith(b"}}"):
        form, shapes = "inputs", _named_shapes(skeleton[len(_INPUTS) : -2])
    else:
        return None
    try:
        arrays = _read(body, specs, shapes)
    except (ValueError, TypeError, KeyError, OverflowError, RuntimeError, RecursionError, AttributeError):
        return None  # whatever is wrong, the exact way finds it and names it
    return None if arrays is None else (form, arrays)


def _named_shapes(skeleton: bytes) -> list[tuple[int, ...] | None]:
    """The shapes in ``"a":[[,]],"b":[,]``, in that order; ``skeleton``: what stands between the inner braces."""
    parts = skeleton.split(b'"')
    rows = [part[:-1] if part.endswith(b",") else part for part in parts[2::2]]
    return [_regular_shape(row[1:]) if row.startswith(b":") else None for row in rows]


def _read(body: bytes, specs: Sequence[TensorSpec], shapes: Sequence[tuple[int, ...] | None]) -> Arrays | None:
    """Read the numbers; the skeleton has shown already where they stand and how many places there are."""
    if len(shapes) != len(specs) or None in shapes:
        return None
    document = accelerate.parse(body)
    if "data" in document:
        names, tensors = [specs[0].name], [document["data"]]
    else:
        names = list(document["inputs"])
        tensors = [document["inputs"][name] for name in names]
    by_name = {spec.name: spec for spec in specs}
    result: Arrays = {}
    for name, rows, shape in zip(names, tensors, shapes):
        array = accelerate.floats(rows) if by_name[name].numpy.kind == "f" else accelerate.wholes(rows)
        # A place without a number ("[]") looks like one with a number until the numbers are counted.
        if array is None or shape is None or array.size != math.prod(shape):
            return None
        result[name] = array.reshape(shape)
    return result if len(result) == len(specs) else None


def _regular_shape(skeleton: bytes) -> tuple[int, ...] | None:
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
