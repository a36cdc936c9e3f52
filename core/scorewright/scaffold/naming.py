"""Service names and paths for a new deploy file, from whatever a model file is called."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

SHORTEST, LONGEST = 3, 32
"""Length of a service's name, in characters."""


def service_name(model: Path, taken: Collection[str]) -> str:
    """A valid service name like the model's file name, not among those taken: ``My Model.onnx`` gives ``my-model``."""
    stem = model.stem if model.is_file() else model.name
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not slug[:1].isalpha():
        slug = f"model-{slug}".rstrip("-")
    if len(slug) < SHORTEST:
        slug = f"{slug}-model"
    slug = slug[:LONGEST].rstrip("-")
    name, number = slug, 1
    while name in taken:
        number += 1
        name = f"{slug[: LONGEST - len(f'-{number}')].rstrip('-')}-{number}"
    return name


def relative_path(model: Path, folder: Path) -> str:
    """The model's path as a file in ``folder`` would say it, with slashes; it leads to the same file."""
    absolute = model.parent.resolve() / model.name if model.name not in ("", "..") else model.resolve()
    path = os.path.relpath(absolute, folder.resolve()).replace(os.sep, "/")
    return f"./{path}" if path.startswith("~") else path
