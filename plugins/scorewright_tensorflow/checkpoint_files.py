"""The two kinds of file that hold TensorFlow's variables: ``PREFIX.index`` and ``PREFIX.data-00000-of-00001``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scorewright.findings import Finding, Level

if TYPE_CHECKING:
    from pathlib import Path

_SHARD = re.compile(r"\.data-(\d{5})-of-(\d{5})")


def variable_files(folder: Path, prefix: str) -> tuple[int, list[Finding]]:
    """The bytes of all variables below ``folder/prefix``, and an error for each file that is missing.

    Every shard carries the number of shards in its name, so that a missing one shows.
    """
    shards: dict[int, int] = {}
    total = 1
    for file in folder.glob(f"{_escaped(prefix)}.data-*"):
        match = _SHARD.fullmatch(file.name.removeprefix(prefix))
        if match:
            shards[int(match[1])] = file.stat().st_size
            total = max(total, int(match[2]))
    missing = [f"{prefix}.data-{number:05}-of-{total:05}" for number in range(total) if number not in shards]
    index = folder / f"{prefix}.index"
    if not index.is_file() or index.stat().st_size == 0:
        missing.insert(0, index.name)
    return sum(shards.values()), [_missing(folder, name) for name in missing]


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _missing(folder: Path, name: str) -> Finding:
    message = f"the model's variables are not all there: {folder / name} is missing"
    hint = "copy the whole folder that the training wrote, or save the model again"
    return Finding(Level.ERROR, "SW1212", message, hint=hint, path="model.path")
