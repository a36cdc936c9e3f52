"""The user's own facts: ``scorewright-catalogue.yaml``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from scorewright.errors import ScorewrightError

if TYPE_CHECKING:
    from . import Extension

FILE = "scorewright-catalogue.yaml"
"""The file's name beside the deploy file."""

VARIABLE = "SCOREWRIGHT_CATALOGUE"
"""Names a file of the same form that counts for every deploy file."""


def read(folder: Path | None) -> list[tuple[str, Extension]]:
    """The user's extensions: the file in the variable first, then the one in ``folder``, which wins.

    Raises `ScorewrightError` (SW1301) if a file cannot be read or is not a catalogue.
    """
    named = os.environ.get(VARIABLE)
    paths = [Path(named).expanduser()] if named else []
    if folder is not None and (folder / FILE).is_file():
        paths.append(folder / FILE)
    return [(str(path), _parse(path)) for path in paths]


def _parse(path: Path) -> Extension:
    from ruamel.yaml import YAML  # slow to import, and few have such a file
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise _wrong(path, str(error)) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise _wrong(path, "it is not a mapping of table names")
    for table, rows in content.items():
        if not isinstance(table, str) or not isinstance(rows, dict):
            raise _wrong(path, f"{table}: it is not a mapping of keys to rows")
        for key, row in rows.items():
            if not isinstance(key, str):
                raise _wrong(path, f'{table}: the key {key!r} is not a string; write "{key}"')
            if not isinstance(row, dict):
                raise _wrong(path, f"{table}.{key}: it is not a mapping of fields")
    return cast("Extension", content)


def _wrong(path: Path, cause: str) -> ScorewrightError:
    return ScorewrightError(
        "SW1301",
        f"{path} is not a catalogue",
        cause=cause,
        steps=["Give it the form: table, key, fields. See docs/reference/catalogue.md."],
    )
