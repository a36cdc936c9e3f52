"""Whether an answer is right: the same bytes as the first one to its request, or the same numbers.

A batch may be computed in another order than a single row, so the last digits of floats may differ.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scorewright.answers import difference

if TYPE_CHECKING:
    from scorewright.findings import Json

_VARIANTS = 4096
"""Most forms of one answer that are remembered as right."""


class Expected:
    """The answer to one request, in every form that was found to be right."""

    __slots__ = ("_first", "_right")

    def __init__(self) -> None:
        self._first = b""
        self._right: set[bytes] = set()

    def learn(self, body: bytes) -> None:
        """Take an answer for right."""
        self._first = body
        self._right = {body}

    def agrees(self, body: bytes) -> bool:
        """Whether an answer says the same as the first."""
        if body in self._right:
            return True
        right = _equal(self._first, body)
        if right and len(self._right) < _VARIANTS:
            self._right.add(body)
        return right


def _equal(expected: bytes, got: bytes) -> bool:
    try:
        return difference(_decoded(expected), _decoded(got)) is None
    except (ValueError, RecursionError):
        return False


def _decoded(body: bytes) -> Json:
    """What a body says: JSON, V2 with binary tensors as their bytes, or an npy array. Raises `ValueError`."""
    if body.startswith(b"\x93NUMPY"):
        import io

        import numpy as np

        array = np.load(io.BytesIO(body), allow_pickle=False)
        plain: Json = array.tolist()
        return plain
    decoded: Json = json.loads(body)
    if isinstance(decoded, dict) and "outputs" in decoded:
        decoded.pop("id", None)  # V2 servers make up an id where the request has none
    return decoded
