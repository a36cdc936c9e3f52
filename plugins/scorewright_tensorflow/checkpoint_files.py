"""The files that hold TensorFlow's variables: ``PREFIX.index`` and its shards, ``PREFIX.data-00000-of-00001``."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from scorewright.findings import Finding, Level

from .table import read_index

if TYPE_CHECKING:
    from pathlib import Path


def variable_files(folder: Path, prefix: str) -> tuple[int, list[Finding]]:
    """The bytes of all variables of ``folder/prefix``, and an error for each file that is missing or too short.

    Raises `WireError` if the index is no index.
    """
    index = folder / f"{prefix}.index"
    if not index.is_file():
        return 0, [_finding(f"{index} is missing")]
    entries = read_index(index)
    ends: dict[int, int] = defaultdict(int)
    for entry in entries:
        ends[entry.shard] = max(ends[entry.shard], entry.end)
    total = _shards(folder, prefix, max(ends, default=0) + 1)
    findings = []
    for shard, end in sorted(ends.items()):
        file = folder / f"{prefix}.data-{shard:05}-of-{total:05}"
        if not file.is_file():
            findings.append(_finding(f"{file} is missing"))
        elif file.stat().st_size < end:
            findings.append(_finding(f"{file} has {file.stat().st_size} bytes of {end}"))
    return sum(entry.size for entry in entries), findings


def _shards(folder: Path, prefix: str, least: int) -> int:
    """How many shards there are, which each shard's name says; as many as the index needs where there is none."""
    ends = [file.name.rpartition("-of-")[2] for file in folder.iterdir() if file.name.startswith(f"{prefix}.data-")]
    return max([int(end) for end in ends if end.isdecimal()], default=least)


def _finding(problem: str) -> Finding:
    message = f"the model's variables are not all there: {problem}"
    hint = "copy the whole folder that the training wrote, or save the model again"
    return Finding(Level.ERROR, "SW1212", message, hint=hint, path="model.path")
