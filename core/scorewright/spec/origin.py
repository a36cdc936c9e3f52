"""Where the keys of a spec stand in the user's files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from scorewright.findings import Location

if TYPE_CHECKING:
    from collections.abc import Mapping

KeyPath: TypeAlias = tuple[str | int, ...]
"""A key's path: ``("services", "mnist", "replicas")``."""


class LocatedStr(str):
    """A string that knows the folder of the file it stands in, so that a path can be relative to that file."""

    folder: Path

    def __new__(cls, value: str, folder: Path) -> LocatedStr:
        """A string with its folder (absolute)."""
        located = super().__new__(cls, value)
        located.folder = folder
        return located


def resolve_path(value: object) -> object:
    """Make a path absolute: relative to the file that says it, or to the current folder where no file does."""
    if isinstance(value, LocatedStr):
        return (value.folder / Path(value).expanduser()).absolute()
    if isinstance(value, str | Path):
        return Path(value).expanduser().absolute()
    return value


@dataclass(frozen=True)
class Origin:
    """Where the keys of a spec stand. ``files``: in the order given; ``root``: the first file's folder, absolute."""

    files: tuple[Path, ...] = ()
    root: Path = field(default_factory=Path.cwd)
    positions: Mapping[KeyPath, Location] = field(default_factory=dict)

    def locate(self, *path: str | int) -> Location | None:
        """The place of a key, or of the nearest key above it that is in a file."""
        for length in range(len(path), 0, -1):
            found = self.positions.get(path[:length])
            if found is not None:
                return found
        return Location(self.files[0]) if self.files else None
