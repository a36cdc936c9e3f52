"""When two answers of a service agree: the same names and shapes, and numbers within a tolerance.

A number is right if |got - expected| <= ATOL + RTOL * |expected|; nan equals nan, an infinity equals itself.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .findings import Json
    from .signature import TensorSpec

RTOL = 1e-4
ATOL = 1e-4


def difference(expected: Json, got: Json, path: str = "$") -> str | None:
    """The first place where two decoded answers differ, in words; None if they agree within the tolerances."""
    if _number(expected) and _number(got):
        same = _close(expected, got)
    elif isinstance(expected, dict) and isinstance(got, dict):
        if expected.keys() != got.keys():
            return f"at {path}: expected the keys {sorted(expected)}, got {sorted(got)}"
        return _first(difference(expected[key], got[key], f"{path}.{key}") for key in expected)
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return f"at {path}: expected {len(expected)} items, got {len(got)}"
        pairs = enumerate(zip(expected, got, strict=True))
        return _first(difference(ours, theirs, f"{path}[{index}]") for index, (ours, theirs) in pairs)
    else:
        same = type(expected) is type(got) and expected == got
    return None if same else f"at {path}: expected {_short(expected)}, got {_short(got)}"


def misshapen(got: Json, outputs: tuple[TensorSpec, ...] | None) -> str | None:
    """What is wrong with the names and shapes of an answer, whichever form it has; None if nothing is."""
    if outputs is None:
        return None
    answered = _by_name(got, outputs)
    names = [tensor.name for tensor in outputs]
    if answered is None or sorted(answered) != sorted(names):
        return f"at $: expected the outputs {', '.join(names)}, got {_short(got)}"
    return _first(_wrong_shape(tensor, *answered[tensor.name]) for tensor in outputs)


def _by_name(got: Json, outputs: tuple[TensorSpec, ...]) -> dict[str, tuple[str, list[int]]] | None:
    """Where each output is in the answer, and its shape; the bare, the named and the V2 form."""
    if isinstance(got, list):
        return {outputs[0].name: ("$", _shape(got))} if len(outputs) == 1 else None
    found = got.get("outputs") if isinstance(got, dict) else None
    if isinstance(found, dict):
        return {name: (f"$.outputs.{name}", _shape(rows)) for name, rows in found.items()}
    if isinstance(found, list):
        return {str(item.get("name")): (f"$.outputs[{index}]", _v2_shape(item))
                for index, item in enumerate(found) if isinstance(item, dict)}  # fmt: skip
    return None


def _v2_shape(tensor: dict[str, Json]) -> list[int]:
    shape = tensor.get("shape")
    return [length for length in shape if isinstance(length, int)] if isinstance(shape, list) else []


def _wrong_shape(tensor: TensorSpec, path: str, shape: list[int]) -> str | None:
    if tensor.shape is None:
        return None
    fits = len(shape) == len(tensor.shape) and all(
        length is None or length == actual for length, actual in zip(tensor.shape, shape, strict=True)
    )
    if fits:
        return None
    wanted = ["any" if length is None else length for length in tensor.shape]
    return f"at {path}: expected the shape {wanted}, got {shape}"


def _shape(rows: Json) -> list[int]:
    shape = []
    while isinstance(rows, list):
        shape.append(len(rows))
        rows = rows[0] if rows else None
    return shape


def _first(problems: Iterator[str | None]) -> str | None:
    return next((problem for problem in problems if problem is not None), None)


def _close(expected: float, got: float) -> bool:
    if expected == got:
        return True
    try:
        distance, allowed = abs(float(got) - float(expected)), ATOL + RTOL * abs(float(expected))
    except OverflowError:  # an integer beyond every float
        return False
    if math.isnan(expected) or math.isinf(expected):
        return math.isnan(expected) and math.isnan(got)
    return distance <= allowed


def _number(value: Json) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Json) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
