"""Faster JSON where the environment has it. The runtime gives the same answers and errors without any of it."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from types import ModuleType


def _optional(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


simdjson = _optional("simdjson")
orjson = _optional("orjson")


def parse(body: bytes) -> Any:
    """The JSON document in a body, as the fastest parser gives it: lists, or proxies that `floats` understands."""
    if simdjson is not None:
        return simdjson.Parser().parse(body)  # a fresh one: an array keeps the parser's last document
    if orjson is not None:
        return orjson.loads(body)
    return json.loads(body)


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
    """JSON text of plain values without NaN; compact, UTF-8."""
    if orjson is not None:
        text: bytes = orjson.dumps(value)
        return text
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
