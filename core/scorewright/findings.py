"""Findings: what a check has to say, with its place, its reason and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
"""Anything that ``json.dumps`` takes."""


class Level(StrEnum):
    """How bad a finding is. ``ERROR`` refuses; ``WARNING`` refuses only with ``--strict``; ``INFO`` never."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Location:
    """A place in a file of the user's. ``line`` and ``column`` count from 1; 0 means the file as a whole."""

    file: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)


@dataclass(frozen=True)
class Finding:
    """One thing a check has to say.

    ``code``: stable, ``SW`` and four digits. ``message``: what is wrong and why. ``hint``: the way out.
    ``path``: the key's path in the deploy file, such as ``services.mnist.replicas``.
    """

    level: Level
    code: str
    message: str
    hint: str | None = None
    path: str | None = None
    location: Location | None = None

    def to_dict(self) -> dict[str, Json]:
        """The finding as plain data, for ``--output json``."""
        where: dict[str, Json] | None = None
        if self.location is not None:
            where = {
                "file": str(self.location.file),
                "line": self.location.line,
                "column": self.location.column,
            }
        return {
            "level": self.level.value,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "path": self.path,
            "location": where,
        }
