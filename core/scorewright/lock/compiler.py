"""Resolves an environment completely, with ``uv pip compile``, for the container and not for this machine."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright.doctor.machine import uv
from scorewright.errors import ScorewrightError

from .lockfile import Locked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .inputs import Inputs

SECONDS = 600
_TAIL = 12


def compile_environment(inputs: Inputs, keep: Sequence[str] = (), folder: Path | None = None) -> Locked:
    """Every package of an environment, pinned.

    ``keep``: pins to stay with where they still fit. ``folder``: where uv looks for the user's own configuration. It
    only reads package metadata, except for packages without wheels. Raises `ScorewrightError`: SW1321 without uv,
    SW1322 if nothing satisfies the requirements or the index does not answer.
    """
    tool = uv()
    if tool is None:
        raise ScorewrightError(
            "SW1321",
            "uv is needed to lock, and it is not here",
            steps=["pip install uv", "or: pip install 'scorewright[local]'"],
        )
    with tempfile.TemporaryDirectory(prefix="scorewright-lock-") as scratch:
        wanted, found = Path(scratch, "requirements.in"), Path(scratch, "requirements.txt")
        wanted.write_text("".join(f"{line}\n" for line in inputs.requirements), encoding="utf-8")
        if keep:
            found.write_text("".join(f"{line}\n" for line in keep), encoding="utf-8")
        _run([tool, *_arguments(inputs), "--output-file", str(found), str(wanted)], folder)
        lines = found.read_text(encoding="utf-8").splitlines()
    packages = tuple(sorted(line.strip() for line in lines if line.strip() and not line.startswith(("#", "-"))))
    return Locked(inputs.hash, inputs.python, inputs.platform, inputs.indexes, packages)


def _arguments(inputs: Inputs) -> list[str]:
    arguments = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-progress"]
    arguments += ["--python-version", inputs.python, "--python-platform", inputs.platform]
    for index in inputs.indexes:
        # Files lists such as torch_stable.html are pages of links, no indexes.
        arguments += ["--find-links" if index.endswith(".html") else "--extra-index-url", index]
    if inputs.indexes:
        # A framework's own index holds old copies of other packages; by default uv would stop at those.
        arguments += ["--index-strategy", "unsafe-best-match"]
    return arguments


def _run(command: Sequence[str], folder: Path | None) -> None:
    try:
        answer = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise ScorewrightError("SW1322", f"uv did not finish within {SECONDS} s") from error
    if answer.returncode != 0:
        said = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
        raise ScorewrightError(
            "SW1322",
            "the environment cannot be resolved",
            cause="\n".join(said[-_TAIL:]) or f"uv ended with {answer.returncode}",
            steps=[
                "Where packages contradict each other: change packages.pip or framework.version.",
                "Where the index did not answer: try again, or set UV_INDEX_URL or UV_OFFLINE as your network needs.",
            ],
        )
