"""Resolves the packages of every framework release in the facts, for Linux x86_64, and writes a table of the outcome.

    python tests/slow/resolve_table.py docs/reference/resolved.md

Needs a network and about ten minutes; it reads package metadata only. ``make resolve-table`` runs it.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from scorewright import catalogue
from scorewright.compat import DEFAULT_SIZE, Decision, Need, decide
from scorewright.errors import ScorewrightError
from scorewright.lock import inputs_of
from scorewright.lock.compiler import compile_environment
from scorewright.server_stack import NUMPY, SERVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.framework import Requirement

FIRST = {"tensorflow": "2.4", "pytorch": "1.8", "onnxruntime": "1.7"}
"""The oldest minor of each framework that is tried."""

TOLD = ("numpy", "protobuf", "keras", "flask", "nvidia-cudnn-cu11", "nvidia-cudnn-cu12", "nvidia-cudnn-cu13")
HEAD = """# What resolves

Every framework release in the catalogue, from TensorFlow 2.4, PyTorch 1.8 and onnxruntime 1.7 on, as `scorewright`
would build it for {size}: its packages, the scoring server and numpy, resolved together with
`uv pip compile` for the Python and the platform of the image. Made on {day} by `make resolve-table`; nothing was
installed. Releases that cannot be served are refused with the reason, before anything is resolved.

| release | form | Python | packages | outcome |
| --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    release: str
    form: str
    python: str
    packages: str
    outcome: str

    def __str__(self) -> str:
        return f"| {self.release} | {self.form} | {self.python} | {self.packages} | {self.outcome} |"


def rows() -> Iterator[Row]:
    """Resolve one release after the other, in its GPU form, then in its CPU form."""
    for framework in catalogue.FRAMEWORKS:
        for minor in catalogue.shipped().releases(framework):
            if Version(minor) >= Version(FIRST[framework]):
                yield _row(framework, minor, gpu=True)
                # torch's CPU wheels are on an index of their own that not every network lets through.
                if framework != "pytorch":
                    yield _row(framework, minor, gpu=False)


def _row(framework: str, minor: str, *, gpu: bool) -> Row:
    decision = decide(Need(framework, gpu=gpu, version=minor, vm_size=DEFAULT_SIZE))
    name, form = f"{framework} {minor}", "GPU" if gpu else "CPU"
    if not decision.ok:
        return Row(name, form, "", "", "refused: " + "; ".join(reason.text for reason in decision.against))
    packages = _packages(decision)
    asked = ", ".join(f"`{one.gpu}`" for one in decision.resolution.requirements)
    python = decision.resolution.python
    try:
        locked = compile_environment(inputs_of(decision.resolution, packages))
    except ScorewrightError as error:
        last = (error.cause or error.summary).splitlines()[-1]
        return Row(name, form, python, asked, f"does not resolve: {last}")
    told = [pin for pin in locked.packages if pin.partition("==")[0] in TOLD]
    return Row(name, form, python, asked, f"{len(locked.packages)} packages: {', '.join(told)}")


def _packages(decision: Decision) -> list[Requirement]:
    requirements = decision.resolution.requirements
    has_numpy = any(one.gpu.startswith("numpy") for one in requirements)
    return [*requirements, SERVER, *([] if has_numpy else [NUMPY])]


def main(path: Path) -> int:
    """Write the table; whether anything that was not refused did not resolve."""
    found: list[Row] = []
    start = time.monotonic()
    for row in rows():
        found.append(row)
        sys.stderr.write(f"{time.monotonic() - start:6.0f} s {row}\n")
    text = HEAD.format(size=DEFAULT_SIZE, day=date.today()) + "".join(f"{row}\n" for row in found)
    path.write_text(text, encoding="utf-8")
    return int(any(row.outcome.startswith("does not") for row in found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
