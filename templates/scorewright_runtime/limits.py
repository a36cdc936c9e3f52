"""How much one request may cost, so that no body can exhaust the service."""

from __future__ import annotations

import os
from typing import NamedTuple

from .errors import StartError

MAX_RANK = 32
"""Deepest nesting of lists in JSON rows; also what every supported numpy takes."""

MAX_CONTAINERS = 4_000_000
"""Most lists and objects in one JSON body: each costs some 60 bytes however little is in it."""

MAX_NPZ_MEMBERS = 256
"""Most arrays in one npz body."""

MAX_GZIP_MEMBERS = 4096
"""Most members in one gzip body: each takes some microseconds however little is in it."""

MAX_HEADER = 10_000
"""Longest header of an npy array in bytes; numpy's own limit."""


class Limits(NamedTuple):
    """``body``: most bytes of a body, also once it is decompressed (``SCOREWRIGHT_MAX_BODY_BYTES``, default 64 MiB).
    ``pixels``: most pixels of an image before it is resized (``SCOREWRIGHT_MAX_IMAGE_PIXELS``, default 50 million)."""

    body: int = 64 * 1024 * 1024
    pixels: int = 50_000_000

    @classmethod
    def from_environment(cls) -> Limits:
        """The limits that the environment sets. Raises `StartError` (SW1506) where a value is no positive number."""
        return cls(
            _positive("SCOREWRIGHT_MAX_BODY_BYTES", cls._field_defaults["body"]),
            _positive("SCOREWRIGHT_MAX_IMAGE_PIXELS", cls._field_defaults["pixels"]),
        )


def access_log_wanted() -> bool:
    """Whether ``SCOREWRIGHT_ACCESS_LOG`` asks for the server's lines for each request."""
    return os.environ.get("SCOREWRIGHT_ACCESS_LOG", "").lower() in ("1", "true", "yes", "on")


def _positive(variable: str, default: int) -> int:
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) == 0:
        raise StartError("SW1506", f"the variable {variable} must be a positive whole number, not {text!r}")
    return int(text)
