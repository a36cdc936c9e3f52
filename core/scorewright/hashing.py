"""What of a model is registered, and the hash of its content: the same on every machine, whatever the file system."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 1 << 20
_REMEMBERED_FROM = 8 << 20  # below this, reading the file is as quick as reading what was remembered
_SETTLED_NS = 2_000_000_000  # a file changed this recently may change again within one tick of its clock
IGNORED = ("__pycache__",)
"""Folders that are never registered; so are files and folders whose name begins with a dot."""


def model_files(path: Path) -> dict[str, Path]:
    """Every file of a model that is registered, by its name below the model, sorted; a model file is one entry.

    Links are followed within the model's folder. Raises `ModelError` (SW1285) for links that lead out of it, for
    anything that is neither file nor folder, for a folder without files, and for what cannot be read.
    """
    try:
        if path.is_file():
            return {path.name: path}
        found = dict(sorted(_walk(path, path.resolve(strict=True), "", ())))
    except OSError as error:
        raise _unreadable(path, f"{type(error).__name__}: {error.strerror or error}") from error
    if not found:
        raise _unreadable(path, "the folder holds no file (hidden files and __pycache__ do not count)")
    return found


def hash_model(path: Path) -> str:
    """Hex SHA-256 over the names and bytes of `model_files`. Raises `ModelError` (SW1285) as that does."""
    try:
        parts = [[name, hash_file(file)] for name, file in model_files(path).items()]
    except OSError as error:
        raise _unreadable(path, f"{type(error).__name__}: {error.strerror or error}") from error
    return hash_json(parts)


def hash_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes. A large file that has not changed since is not read again. Raises `OSError`."""
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        memory = _memory(path) if before.st_size >= _REMEMBERED_FROM else None
        known = _recall(memory, before) if memory else None
        if known is not None:
            return known
        digest = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        after = os.fstat(file.fileno())
    if memory and _stamp(before) == _stamp(after) and time.time_ns() - after.st_mtime_ns > _SETTLED_NS:
        _remember(memory, after, digest.hexdigest())
    return digest.hexdigest()


def hash_json(value: object) -> str:
    """Hex SHA-256 of plain data in one fixed spelling."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def cache_folder() -> Path:
    """Where things are kept that can be made again: below ``SCOREWRIGHT_HOME``, else the platform's user cache."""
    import platformdirs

    home = os.environ.get("SCOREWRIGHT_HOME")
    return Path(home).expanduser().absolute() / "cache" if home else Path(platformdirs.user_cache_dir("scorewright"))


def _walk(folder: Path, root: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    here = folder.resolve(strict=True)
    if here in above:
        raise _unreadable(root, f"the link {prefix.rstrip('/')} leads back to a folder that it is in")
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name in IGNORED:
            continue
        name = prefix + entry.name
        if entry.is_symlink() and not entry.resolve(strict=True).is_relative_to(root):
            raise _unreadable(root, f"{name} is a link that leads out of the folder")
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise _unreadable(root, f"the file name {name!r} is not UTF-8") from error
        mode = entry.stat().st_mode
        if stat.S_ISDIR(mode):
            yield from _walk(entry, root, f"{name}/", (*above, here))
        elif stat.S_ISREG(mode):
            yield name, entry
        else:
            raise _unreadable(root, f"{name} is neither a file nor a folder")


def _unreadable(path: Path, cause: str) -> ModelError:
    steps = ["copy the model into a folder of its own, links resolved (cp -rL), and point model.path at that"]
    return ModelError("SW1285", f"the model {path} cannot be read", cause=cause, steps=steps)


def _stamp(seen: os.stat_result) -> list[int]:
    """What changes when a file's content does; the change time catches a modification time that was set back."""
    return [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino, seen.st_dev]


def _memory(path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return cache_folder() / "hashes" / f"{name}.json"


def _recall(memory: Path, seen: os.stat_result) -> str | None:
    try:
        known = json.loads(memory.read_bytes())
        return str(known["sha256"]) if known["stamp"] == _stamp(seen) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a cache that is missing or damaged costs time, nothing else


def _remember(memory: Path, seen: os.stat_result, digest: str) -> None:
    temporary = memory.with_name(f"{memory.name}.{secrets.token_hex(4)}")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"stamp": _stamp(seen), "sha256": digest}))
        temporary.replace(memory)
    except OSError:  # a cache that cannot be written costs time, nothing else
        with contextlib.suppress(OSError):
            temporary.unlink()
