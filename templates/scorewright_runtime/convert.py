"""Callers' values to arrays of the model's dtypes: exactly, or with a refusal that names the place.

Numbers must arrive unchanged, floats apart, which are rounded to the model's precision. JSON has no NaN and no
infinity, so none come from it; binary bodies carry them as they are.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import BadRequest
from .limits import MAX_RANK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .types import TensorSpec

_ACCEPTS: dict[str, tuple[frozenset[type], str]] = {
    "O": (frozenset([str]), "strings"),
    "b": (frozenset([bool]), "true or false"),
    "f": (frozenset([int, float]), "numbers"),
    "i": (frozenset([int, float]), "whole numbers"),
    "u": (frozenset([int, float]), "whole numbers"),
}


def from_json(value: object, spec: TensorSpec) -> np.ndarray:
    """An array from decoded JSON: nested lists, a number, a string or a boolean.

    Raises `BadRequest`: SW1516 where lists are ragged or too deep, SW1517 where a value does not fit the dtype.
    """
    leaves, shape = _flatten(value, spec.name)
    accepted, what = _ACCEPTS[spec.numpy.kind]
    if not accepted.issuperset(set(map(type, leaves))):
        at = next(index for index, leaf in enumerate(leaves) if type(leaf) not in accepted)
        raise _unfit(spec, what, leaves[at], at, shape)
    return _BUILD[spec.numpy.kind](leaves, shape, spec).reshape(shape)


def cast(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """The same values in the input's dtype, C-contiguous and aligned; the same array where it is so already.

    Raises `BadRequest` (SW1517) where a value would change: a fraction or a number out of range for whole numbers, an
    overflow, or another kind of value altogether.
    """
    want, have = spec.numpy, array.dtype
    if want.kind == "O":
        return _strings_from_array(array, spec)
    if have != want:
        if have.kind not in {"b": "b", "f": "iuf"}.get(want.kind, "iuf"):
            raise BadRequest("SW1517", f"expected {spec.dtype} values, got an array of {have}", spec.name)
        if want.kind in "iu":
            _check_whole(array, spec)
            return array.astype(want)
        return _round(array, spec)
    flags = array.flags
    return array if flags.c_contiguous and flags.aligned else np.require(array, requirements=["C", "A"])


def conform(array: np.ndarray, spec: TensorSpec, batch: bool) -> None:
    """Raise `BadRequest` (SW1516) unless the array's shape is one the input takes."""
    want, have = spec.shape, array.shape
    if array.size == 0 and (want is None or 0 not in want):
        what = "no rows" if have[:1] == (0,) else "no values"
        raise BadRequest("SW1516", f"got {what}: shape {list(have)}, expected {spec.describe()}", spec.name)
    if want is not None:
        if len(have) != len(want):
            raise BadRequest("SW1516", _wrong_rank(spec, have), spec.name)
        for axis, size in enumerate(want):
            if size is not None and size != have[axis]:
                raise BadRequest("SW1516", _wrong_size(spec, have, axis, batch), spec.name)


def _flatten(value: object, name: str) -> tuple[list[Any], tuple[int, ...]]:
    """All leaves of nested lists in order, and the shape."""
    level: list[Any] = [value]
    shape: list[int] = []
    while True:
        kinds = set(map(type, level))
        if list not in kinds:
            return level, tuple(shape)
        if len(kinds) > 1:
            at = next(index for index, item in enumerate(level) if type(item) is not list)
            raise BadRequest(
                "SW1516", f"{_place(name, at, shape)} is {_show(level[at])} where others beside it are lists", name
            )
        if len(set(map(len, level))) > 1:
            raise BadRequest("SW1516", _ragged(level, shape, name), name)
        shape.append(len(level[0]))
        if len(shape) > MAX_RANK:
            raise BadRequest("SW1516", f"lists are nested more than {MAX_RANK} deep", name)
        level = list(chain.from_iterable(level))


def _floats(leaves: Sequence[float], shape: tuple[int, ...], spec: TensorSpec) -> np.ndarray:
    try:
        exact = np.array(leaves, dtype=np.float64)
    except OverflowError:  # a whole number beyond the largest float64
        largest = int(np.finfo(np.float64).max)
        raise _overflow(next(at for at, leaf in enumerate(leaves) if abs(leaf) > largest), shape, spec) from None
    with np.errstate(over="ignore"):
        result = exact.astype(spec.numpy, copy=False)
    finite = np.isfinite(result)
    if not finite.all():
        raise _overflow(int(np.argmin(finite)), shape, spec)
    return result


def _wholes(leaves: Sequence[float], shape: tuple[int, ...], spec: TensorSpec) -> np.ndarray:
    if any(type(leaf) is float for leaf in leaves):
        for at, leaf in enumerate(leaves):
            if type(leaf) is float and not leaf.is_integer():
                raise _unfit(spec, "whole numbers", leaf, at, shape)
        leaves = [int(leaf) for leaf in leaves]
    limits = np.iinfo(spec.numpy)
    if leaves and not (limits.min <= min(leaves) and max(leaves) <= limits.max):
        at = next(index for index, leaf in enumerate(leaves) if not limits.min <= leaf <= limits.max)
        raise _unfit(spec, f"whole numbers from {limits.min} to {limits.max}", leaves[at], at, shape)
    return np.array(leaves, dtype=spec.numpy)


def _booleans(leaves: Sequence[bool], shape: tuple[int, ...], spec: TensorSpec) -> np.ndarray:
    return np.array(leaves, dtype=np.bool_)


def _strings(leaves: Sequence[str], shape: tuple[int, ...], spec: TensorSpec) -> np.ndarray:
    if not is_text("".join(leaves)):
        at = next(index for index, leaf in enumerate(leaves) if not is_text(leaf))
        text = f"{_place(spec.name, at, shape)} has half of a surrogate pair, which is no text"
        raise BadRequest("SW1517", text, spec.name)
    result = np.empty(len(leaves), dtype=object)
    result[:] = leaves
    return result


_BUILD: dict[str, Callable[[Any, tuple[int, ...], TensorSpec], np.ndarray]] = {
    "O": _strings,
    "b": _booleans,
    "f": _floats,
    "i": _wholes,
    "u": _wholes,
}


def _strings_from_array(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    if array.dtype.kind == "O":
        if {str, bytes}.issuperset(set(map(type, array.flat))):
            return np.require(array, requirements=["C"])
    elif array.dtype.kind in "US":
        if array.dtype.kind == "U":
            return _strings(_points(array, spec), array.shape, spec).reshape(array.shape)
        return text_where_utf8(array.ravel().tolist()).reshape(array.shape)
    raise BadRequest("SW1517", f"expected strings, got an array of {array.dtype}", spec.name)


def _points(array: np.ndarray, spec: TensorSpec) -> list[str]:
    """The strings of a fixed-width array, which may hold numbers that are no code points."""
    try:
        leaves: list[str] = array.ravel().tolist()
    except (ValueError, SystemError) as error:  # which of them, Pythons differ in
        raise BadRequest("SW1517", f"the strings are no Unicode text: {error}", spec.name) from None
    return leaves


def is_text(value: str) -> bool:
    """Whether a string can be sent: JSON may spell halves of surrogate pairs, which UTF-8 does not have."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_where_utf8(items: Sequence[bytes]) -> np.ndarray:
    """Bytes as an array of text where they are UTF-8; encoded images, for one, stay bytes."""
    result = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        try:
            result[index] = item.decode()
        except UnicodeDecodeError:
            result[index] = item
    return result


def _check_whole(array: np.ndarray, spec: TensorSpec) -> None:
    """Raise unless every value is a whole number in the dtype's range."""
    limits = np.iinfo(spec.numpy)
    if array.dtype.kind == "f":
        values = array.astype(np.float64)
        # The upper limit plus one is a power of two, so it has an exact float; the limit itself need not.
        fits = (np.floor(values) == values) & (values >= float(limits.min)) & (values < float(limits.max + 1))
        if not fits.all():
            at = int(np.argmin(fits))
            what = f"whole numbers from {limits.min} to {limits.max}"
            raise _unfit(spec, what, array.ravel()[at].item(), at, array.shape)
    elif array.size and not (limits.min <= int(array.min()) and int(array.max()) <= limits.max):
        at = next(i for i, value in enumerate(array.ravel().tolist()) if not limits.min <= value <= limits.max)
        what = f"whole numbers from {limits.min} to {limits.max}"
        raise _unfit(spec, what, array.ravel()[at].item(), at, array.shape)


def _round(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Numbers in the nearest value of the float dtype; what was finite stays finite."""
    if array.dtype.kind != "f" and spec.numpy.itemsize > 2:  # any whole number is below the largest float32
        return array.astype(spec.numpy, order="C")
    if array.size and _within(array, _largest(spec.numpy)):
        return array.astype(spec.numpy, order="C")
    with np.errstate(over="ignore"):
        result = array.astype(spec.numpy, order="C")
    if not np.isfinite(result).all():
        overflown = ~np.isfinite(result) if array.dtype.kind != "f" else np.isfinite(array) & ~np.isfinite(result)
        if overflown.any():
            raise _overflow(int(np.argmax(overflown)), array.shape, spec)
    return result


def _within(array: np.ndarray, limit: float) -> bool:
    """Whether no number is larger than a limit, with or without its sign; NaN is."""
    return bool(np.maximum.reduce(array, axis=None) <= limit and np.minimum.reduce(array, axis=None) >= -limit)


@cache
def _largest(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).max)


def _wrong_rank(spec: TensorSpec, have: tuple[int, ...]) -> str:
    want = spec.shape or ()
    text = f"expected {spec.describe()}, got shape {list(have)}: {len(want)} axes expected, {len(have)} given"
    if len(have) + 1 == len(want):
        return text + "; wrap a single row in one more pair of brackets"
    return text


def _wrong_size(spec: TensorSpec, have: tuple[int, ...], axis: int, batch: bool) -> str:
    want = spec.shape or ()
    text = f"expected {spec.describe()}, got shape {list(have)}"
    if axis == 0 and not batch:
        return text + f": this model takes exactly {want[0]} rows"
    if axis == 1 and len(want) == 2:
        return text + f": rows must have {want[1]} values, these have {have[1]}"
    return text + f": axis {axis} must be {want[axis]}, not {have[axis]}"


def _ragged(level: list[list[object]], shape: list[int], name: str) -> str:
    at = next(index for index, row in enumerate(level) if len(row) != len(level[0]))
    first = _place(name, 0, shape)
    return f"ragged lists: {_place(name, at, shape)} has {len(level[at])} values, {first} has {len(level[0])}"


def _unfit(spec: TensorSpec, what: str, value: object, at: int, shape: Sequence[int]) -> BadRequest:
    text = f"expected {what} for {spec.dtype}, got {_show(value)} at {_place(spec.name, at, shape)}"
    return BadRequest("SW1517", text, spec.name)


def _overflow(at: int, shape: Sequence[int], spec: TensorSpec) -> BadRequest:
    return BadRequest("SW1517", f"{_place(spec.name, at, shape)} is too large for {spec.dtype}", spec.name)


def _place(name: str, at: int, shape: Sequence[int]) -> str:
    """``x[0][3]`` for the flat index of an array of that shape."""
    if not shape:
        return name
    return name + "".join(f"[{int(index)}]" for index in np.unravel_index(at, tuple(shape)))


def _show(value: object) -> str:
    """A JSON value for people, short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 128:
        return "a huge number"
    text = repr(value)
    text = text if len(text) <= 40 else text[:40] + "…"
    return f"the string {text}" if isinstance(value, str) else text
