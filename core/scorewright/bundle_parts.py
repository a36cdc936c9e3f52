"""What a bundle's hash stands for, part by part, so that a plan can say which part has changed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGITS = 8
"""Of a part's hash; enough to tell two versions apart, few enough for a tag."""
_MOST = 5
"""Most parts that are named."""


def parts(files: Mapping[str, bytes], model_hash: str) -> dict[str, str]:
    """The first digits of the SHA-256 of each file, of each folder with all that is in it, and of the model.

    ``files``: of a bundle, by name; the manifest tells of the others and is left out.
    """
    groups: dict[str, hashlib._Hash] = {}
    for name in sorted(files):
        if name != "manifest.json":
            group = groups.setdefault(name.partition("/")[0], hashlib.sha256())
            group.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    found = {name: group.hexdigest()[:DIGITS] for name, group in groups.items()}
    return {**found, "model": model_hash[:DIGITS]}


def to_text(found: Mapping[str, str]) -> str:
    """Parts as one line, for a tag: ``conda.yml=0f1e2d3c score.py=…``."""
    return " ".join(f"{name}={digits}" for name, digits in sorted(found.items()) if not {" ", "="} & set(name))


def from_text(text: str) -> dict[str, str]:
    """The inverse of `to_text`."""
    return dict(pair.split("=", 1) for pair in text.split() if "=" in pair)


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The parts that differ, for people; empty if that is not known."""
    if not before or not after:
        return ""
    names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")
