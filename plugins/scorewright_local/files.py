"""Files that survive a kill at any moment, and locks that do not outlive their holder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

POLL_SECONDS = 0.05


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write a file of plain values, readable by its owner alone: all of it, durably, or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


def read_json(path: Path) -> dict[str, Any]:
    """The values of such a file; empty if there is none, or if somebody else has damaged it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Delete a folder with all in it; it need not exist, and somebody else may be deleting it too."""
    while folder.exists():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)


def try_lock(path: Path) -> int | None:
    """Take a lock file's lock, or return None if another process has it. Closing the descriptor gives it back."""
    import fcntl  # not on Windows, where the plugin still has to load to say so

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if not is_at(path, descriptor):
        os.close(descriptor)
        return try_lock(path)
    return descriptor


def is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file is still the one at a path: whoever held the lock before may have deleted it."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


@contextlib.contextmanager
def locked(path: Path, *, seconds: float, on_wait: Callable[[], None] | None = None) -> Iterator[int]:
    """Hold a lock file's lock; see `take_lock`."""
    descriptor = take_lock(path, seconds=seconds, on_wait=on_wait)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def take_lock(path: Path, *, seconds: float, on_wait: Callable[[], None] | None = None) -> int:
    """Take a lock file's lock and return its descriptor. ``on_wait`` is called once if another holds it.

    Raises `TimeoutError` after ``seconds`` of waiting.
    """
    deadline = time.monotonic() + seconds
    descriptor = _make_and_try(path)
    if descriptor is None and on_wait is not None:
        on_wait()
    while descriptor is None:
        if time.monotonic() > deadline:
            raise TimeoutError(str(path))
        time.sleep(POLL_SECONDS)
        descriptor = _make_and_try(path)
    return descriptor


def _make_and_try(path: Path) -> int | None:
    """Try a lock in a folder that may not be there yet, or that another command is just deleting."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return try_lock(path)
    except FileNotFoundError:
        return None


def is_locked(path: Path) -> bool:
    """Whether some process holds a lock file's lock. Makes no file."""
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
