"""Faster JSON where the environment has it. The runtime gives the same answers and errors without any of it."""

from __future__ import annotations

import importlib
import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from types import ModuleType

    from .types import Bytes


def _optional(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


simdjson = _optional("simdjson")
orjson = _optional("orjson")


def parser() -> Any:
    """A parser for one document after the other, each gone before the next one; None where there is none."""
    return None if simdjson is None else simdjson.Parser()


def parse(body: Bytes) -> Any:
    """The JSON document in a body, as the fastest parser gives it: lists, or proxies that `floats` understands."""
    if simdjson is not None:
        return simdjson.Parser().parse(body)  # a fresh one, since what it returns is but a view of its memory
    if orjson is not None:
        return orjson.loads(body)
    return json.loads(body)


UNDECIDED = object()
"""Said by `decode` where the exact decoder must decide."""

_ROUNDED = b"-922337203685477"
"""How whole numbers a little below those of 64 bit begin, the only ones that orjson rounds to one of 64 bit."""

_KEY = re.compile(rb'"\s*:')


def decode(body: Bytes) -> Any:
    """The JSON document in a body by orjson, where the exact decoder would surely say the same; else `UNDECIDED`.

    orjson keeps the last of several equal keys, so there must be as many keys in the document as in the text.
    """
    if orjson is None or _ROUNDED in body:
        return UNDECIDED
    try:
        document = orjson.loads(body)
        return document if _keys(document) == len(_KEY.findall(body)) else UNDECIDED
    except (ValueError, RecursionError):
        return UNDECIDED


def _keys(document: Any) -> int:
    """The keys of all objects in a document, those inside rows of values apart: requests have none there."""
    if isinstance(document, dict):
        return len(document) + sum(map(_keys, document.values()))
    if isinstance(document, list) and document and isinstance(document[0], dict):
        return sum(map(_keys, document))
    return 0


def floats(rows: Any) -> np.ndarray:
    """All numbers of nested lists of `parse`, flat, as float64. Raises `ValueError` or `OverflowError` for those that
    float64 cannot hold; parsers differ in whether they do so themselves."""
    if isinstance(rows, list):
        array = np.array(rows, dtype=np.float64).ravel()
        if not np.isfinite(array).all():
            raise ValueError("a number is too large")
        return array
    return np.frombuffer(rows.as_buffer(of_type="d"), dtype=np.float64)


def wholes(rows: Any) -> np.ndarray | None:
    """All numbers of nested lists of `parse`, flat, as int64; None where the parser cannot promise that they are whole.

    Raises `TypeError` where one has a fraction or an exponent."""
    if isinstance(rows, list):
        return None
    return np.frombuffer(rows.as_buffer(of_type="i"), dtype=np.int64)


def dumps(value: object) -> bytes:
    """JSON text of plain values; compact, UTF-8. NaN and infinities, which JSON lacks, become null."""
    if orjson is not None:
        text: bytes = orjson.dumps(value)
        return text
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return json.dumps(_with_gaps(value), separators=(",", ":"), ensure_ascii=False).encode()


def _with_gaps(value: Any) -> Any:
    """The value with None for what is not finite, as orjson writes it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_with_gaps(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_gaps(item) for key, item in value.items()}
    return value
