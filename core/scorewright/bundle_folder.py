"""Writes a bundle into a folder: all of it or nothing, and never over anything else."""

from __future__ import annotations

import json
import secrets
import shutil
from typing import TYPE_CHECKING

from .errors import ScorewrightError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_files(files: Mapping[str, bytes], folder: Path) -> Path:
    """Make ``folder`` hold exactly these files and return it, absolute.

    It is made beside its place and renamed into it, so that nobody sees half a bundle. Raises `ScorewrightError`
    (SW1601) if the folder holds something that no bundle put there, or cannot be written.
    """
    folder = folder.expanduser().resolve()
    token = secrets.token_hex(4)
    fresh = folder.with_name(f".{folder.name}.{token}.new")
    stale = folder.with_name(f".{folder.name}.{token}.old")
    try:
        _refuse_strangers(folder)
        for name, data in files.items():
            path = fresh.joinpath(*name.split("/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if folder.exists():
            folder.rename(stale)
        fresh.rename(folder)
    except OSError as error:
        if stale.exists() and not folder.exists():
            stale.rename(folder)
        cause = f"{type(error).__name__}: {error.strerror or error}"
        raise ScorewrightError("SW1601", f"the bundle cannot be written to {folder}", cause=cause) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(stale, ignore_errors=True)
    return folder


def _refuse_strangers(folder: Path) -> None:
    if not folder.exists():
        return
    steps = ["name a folder that does not exist, is empty, or holds a bundle"]
    if not folder.is_dir():
        raise ScorewrightError("SW1601", f"{folder} is not a folder", steps=steps)
    known = _names_of_bundle(folder)
    found = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    strange = sorted(
        path.as_posix() for path in found if "__pycache__" not in path.parts and path.as_posix() not in known
    )
    if strange:
        more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
        cause = f"no bundle put these there: {', '.join(strange[:3])}{more}"
        raise ScorewrightError("SW1601", f"{folder} holds something else", cause=cause, steps=steps)


def _names_of_bundle(folder: Path) -> set[str]:
    """The files that an earlier bundle's manifest lists, and the manifest; nothing where there is none."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        return {"manifest.json", *manifest["files"]} if "scorewright" in manifest else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()
