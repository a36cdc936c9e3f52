"""Arrays as plain JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


def plain_list(array: np.ndarray) -> Any:
    """The values as nested lists, as ``tolist`` gives them."""
    kind = array.dtype.kind
    if kind in "biufU":
        return array.tolist()
    if kind in "SO":
        return plain(array.tolist())
    return plain_list(array.astype(np.float64))  # bfloat16 and its like, which numpy itself does not know


def plain(value: object) -> Any:
    """A value of a handler's as what JSON can say. Raises `TypeError` where it can say nothing of the kind."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return plain_list(np.asarray(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return _plain_dict(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _plain_dict(value: Mapping[object, object]) -> dict[str, Any]:
    return {str(key): plain(item) for key, item in value.items()}
