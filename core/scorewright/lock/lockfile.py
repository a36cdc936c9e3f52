"""The lock file: read and written as TOML, the same text for the same content."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scorewright.errors import ScorewrightError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "deploy.lock"
"""The file's name, beside the first deploy file."""

VERSION = 1
_HEAD = "# Written by `scorewright lock`: every package of every service, pinned. Commit it; do not edit it.\n"


@dataclass(frozen=True)
class Locked:
    """One service's environment.

    ``inputs``: hash of what it was resolved from. ``python``: the minor; ``platform``: uv's name of it. ``indexes``:
    further package indexes, in order. ``packages``: ``name==version``, sorted.
    """

    inputs: str
    python: str
    platform: str
    indexes: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def pip_lines(self) -> tuple[str, ...]:
        """The environment as lines of a requirements file."""
        return (*(f"--extra-index-url {index}" for index in self.indexes), *self.packages)


@dataclass(frozen=True)
class Lock:
    """All environments, by service."""

    services: Mapping[str, Locked] = field(default_factory=dict)

    def to_toml(self) -> str:
        """The file's text."""
        parts = [_HEAD, f"version = {VERSION}\n"]
        for name in sorted(self.services):
            found = self.services[name]
            parts.append(
                f"\n[services.{_text(name)}]\n"
                f"inputs = {_text(found.inputs)}\npython = {_text(found.python)}\nplatform = {_text(found.platform)}\n"
                f"indexes = {_list(found.indexes)}\npackages = {_list(found.packages)}\n"
            )
        return "".join(parts)


def read(path: Path) -> Lock:
    """The lock at ``path``, empty where there is none. Raises `ScorewrightError` (SW1320) if it is not one."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Lock()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(path, str(error)) from error
    if content.get("version") != VERSION:
        raise _wrong(path, f"its version is {content.get('version')!r}, this scorewright writes {VERSION}")
    try:
        services = {name: _locked(found) for name, found in content.get("services", {}).items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise _wrong(path, f"a service is not laid out as it should be: {error}") from error
    return Lock(services)


def write(path: Path, lock: Lock) -> bool:
    """Write the lock, all or nothing; whether the text is another than before."""
    text = lock.to_toml()
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(path)
    return True


def _locked(found: Mapping[str, Any]) -> Locked:
    texts = [found[key] for key in ("inputs", "python", "platform")]
    lists = [found[key] for key in ("indexes", "packages")]
    if not all(isinstance(value, str) for value in texts):
        raise TypeError("inputs, python and platform are texts")
    if not all(isinstance(items, list) and all(isinstance(item, str) for item in items) for items in lists):
        raise TypeError("indexes and packages are lists of texts")
    if any(item.startswith("-") or "\n" in item for items in lists for item in items):
        raise TypeError("a package or an index is no option")  # pip would take such a line as one
    inputs, python, platform = texts
    indexes, packages = lists
    return Locked(inputs, python, platform, tuple(indexes), tuple(packages))


def _text(value: str) -> str:
    # A JSON string is a TOML basic string, but for the one control character that only TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values: tuple[str, ...]) -> str:
    return "[" + "".join(f"\n  {_text(value)}," for value in values) + ("\n]" if values else "]")


def _wrong(path: Path, cause: str) -> ScorewrightError:
    steps = ["scorewright lock --upgrade writes it anew", "or take it from version control again"]
    return ScorewrightError("SW1320", f"{path} is not a lock file", cause=cause, steps=steps)
