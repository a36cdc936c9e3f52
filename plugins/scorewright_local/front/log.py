"""A service's log: a file that is rotated before it grows large."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 10_000_000
KEPT = 3


class RotatingLog:
    """Lines appended to a file; at ``limit`` bytes it becomes ``….1``, the one before ``….2``, and so on."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._limit = limit
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, line: str) -> None:
        """Append one line."""
        data = line.encode("utf-8", "replace") + b"\n"
        if self._size and self._size + len(data) > self._limit:
            self._rotate()
        self._file.write(data)
        self._size += len(data)

    def note(self, text: str) -> None:
        """Append a line of the front's own."""
        self.write(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} front - {text}")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(KEPT, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            if newer.exists():
                newer.rename(older)
        self._file = self._path.open("ab", buffering=0)
        self._size = 0
