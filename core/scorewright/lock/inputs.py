"""What an environment is resolved from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorewright import catalogue as facts
from scorewright.hashing import hash_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scorewright.catalogue import Catalogue
    from scorewright.framework import Requirement, Resolution

_PLATFORMS = ((2, 28), (2, 17))
"""Generations of Linux wheels, newest first, by the C library that they need."""


@dataclass(frozen=True)
class Inputs:
    """Requirements, extra indexes, and the Python and platform of the container."""

    requirements: tuple[str, ...]
    indexes: tuple[str, ...]
    python: str
    platform: str

    @property
    def hash(self) -> str:
        """Hex SHA-256; an environment that is locked under another hash is stale."""
        return hash_json([sorted(self.requirements), list(self.indexes), self.python, self.platform])


def inputs_of(resolution: Resolution, packages: Sequence[Requirement], catalogue: Catalogue | None = None) -> Inputs:
    """What a service's environment is resolved from. ``packages``: all of them, in the form that the bundle carries."""
    return Inputs(
        requirements=tuple(line for one in packages for line in (one.gpu, *one.with_gpu)),
        indexes=tuple(dict.fromkeys(one.index for one in packages if one.index)),
        python=resolution.python,
        platform=platform_of(resolution.image, catalogue),
    )


def platform_of(image: str, catalogue: Catalogue | None = None) -> str:
    """uv's name of the platform that a base image is: how old its C library is decides which wheels install."""
    book = catalogue or facts.shipped()
    known = book.images.get(image.rsplit(":", 1)[0])
    glibc = tuple(map(int, known.glibc.split("."))) if known else _PLATFORMS[0]
    newest = next((one for one in _PLATFORMS if one <= glibc), _PLATFORMS[-1])
    return f"x86_64-manylinux_{newest[0]}_{newest[1]}"
