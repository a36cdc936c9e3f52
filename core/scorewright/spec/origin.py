"""Where the keys of a spec stand in the user's files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from scorewright.findings import Finding, Location

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


class UntypedStr(LocatedStr):
    """A string whose field decides what it means: from an environment variable or from ``--set``.

    ``replicas: "3"`` is a mistake, ``replicas: ${REPLICAS}`` is not: the environment knows nothing but text.
    """


def resolve_path(value: object) -> object:
    """Make a path absolute: relative to the file that says it, or to the current folder where no file does.

    A ``~`` that names no known user is kept as it is, and so is one after ``./``.
    """
    if not isinstance(value, str | Path):
        return value
    folder = value.folder if isinstance(value, LocatedStr) else Path.cwd()
    return (folder / os.path.expanduser(value)).absolute()


def dotted(path: KeyPath) -> str:
    r"""A key path as users write it: ``services.mnist.replicas``; a dot inside a key is written ``\.``."""
    return ".".join(str(part).replace("\\", "\\\\").replace(".", "\\.") for part in path)


def undotted(text: str) -> list[str]:
    """The keys of a dotted path; an empty one where two dots meet. The opposite of `dotted`."""
    keys = [""]
    chars = iter(text)
    for char in chars:
        if char == ".":
            keys.append("")
        else:
            keys[-1] += next(chars, char) if char == "\\" else char
    return keys


@dataclass(frozen=True)
class Origin:
    """Where the keys of a spec stand. ``files``: in the order given; ``root``: the first file's folder, absolute.

    ``positions``: of each key, and of each item of a list; ``values``: of each value. ``unset``: variables of
    ``workspace`` that are not set, one finding each; then the spec has no workspace, and only a target that needs one
    refuses, so that the same file serves on a machine that knows nothing of Azure.
    """

    files: tuple[Path, ...] = ()
    root: Path = field(default_factory=Path.cwd)
    positions: Mapping[KeyPath, Location] = field(default_factory=dict)
    values: Mapping[KeyPath, Location] = field(default_factory=dict)
    unset: tuple[Finding, ...] = ()

    def locate(self, *path: str | int) -> Location | None:
        """The place of a key, or of the nearest key above it that is in a file."""
        for length in range(len(path), 0, -1):
            found = self.positions.get(path[:length])
            if found is not None:
                return found
        return Location(self.files[0]) if self.files else None
