"""Where the model lies.

The cloud unpacks models to ``azureml-models/<name>/<version>/…`` and sets ``AZUREML_MODEL_DIR`` to the version's folder
for one model, or to ``azureml-models`` for several; the depth below it has varied. So the file is looked for by the
name that the bundle gives, and a failure lists what was there instead.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEPTH = 6
_LISTED = 40


class Located(NamedTuple):
    """``path``: the model's file or folder. ``name``, ``version``: as registered; the version is ``0`` where the
    folders do not tell."""

    path: Path
    name: str
    version: str


def locate(model: Mapping[str, Any], root: str | None = None) -> Located:
    """The model of ``CONFIG["model"]`` below ``root`` (default: ``AZUREML_MODEL_DIR``).

    Raises `StartError` (SW1502) where it is not there or more than one candidate is.
    """
    folder = root or os.environ.get("AZUREML_MODEL_DIR", "")
    if not folder:
        raise StartError("SW1502", "the variable AZUREML_MODEL_DIR is not set, so there is no model folder")
    base = Path(folder)
    if not base.is_dir():
        raise StartError("SW1502", f"the model folder {base} (AZUREML_MODEL_DIR) does not exist")
    version_folder = _version_folder(base, str(model["name"]))
    path = _find(version_folder, model.get("file"))
    name, version = _registered(path, str(model["name"]))
    return Located(path, name, version)


def _version_folder(base: Path, name: str) -> Path:
    """The folder of one version: ``base`` itself, or the newest version of the model below a folder of several."""
    versions = [entry for entry in _children(base / name) if entry.is_dir() and entry.name.isdigit()]
    return max(versions, key=lambda entry: int(entry.name)) if versions else base


def _find(base: Path, file: str | None) -> Path:
    if file is None:  # a registered model, whose file name nobody said: its only entry, or all of it
        entries = list(_children(base))
        if not entries:
            raise StartError("SW1502", f"the model folder {base} is empty")
        return entries[0] if len(entries) == 1 else base
    if (base / file).exists():
        return base / file
    found = [path for path in _walk(base) if path.name == Path(file).name]
    shallowest = [path for path in found if len(path.parts) == min(len(other.parts) for other in found)]
    if len(shallowest) == 1:
        return shallowest[0]
    problem = "more than once" if found else "not"
    raise StartError("SW1502", f"the model {file!r} is {problem} below {base}. What is there:\n{_listing(base)}")


def _registered(path: Path, name: str) -> tuple[str, str]:
    """Name and version as the folders tell them."""
    parts = path.parts
    if "azureml-models" in parts:
        below = parts[len(parts) - parts[::-1].index("azureml-models") :]
        if len(below) >= 2 and below[1].isdigit():
            return below[0], below[1]
    return name, "0"


def _children(folder: Path) -> list[Path]:
    """Entries of a folder in order, without what file systems and mounts add."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".")) if folder.is_dir() else []


def _walk(folder: Path, depth: int = 1) -> Iterator[Path]:
    for entry in _children(folder):
        yield entry
        if entry.is_dir() and depth < _DEPTH:
            yield from _walk(entry, depth + 1)


def _listing(base: Path) -> str:
    lines = [f"  {path.relative_to(base)}{'/' if path.is_dir() else ''}" for path in _walk(base)]
    more = [f"  … and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
    return "\n".join(lines[:_LISTED] + more) or "  nothing"
