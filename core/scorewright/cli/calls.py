"""A service's call as a line for the shell."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .run import Run


# A command in a text that reads the deploy file, up to its options.
_COMMAND = re.compile(
    r"(scorewright (?:check|plan|up|down|status|lock|(?:logs|keys|rollback|score) [\w.-]+))(?: -t [\w.-]+)?(?![\w-]| -)"
)


def curl(run: Run, name: str, scoring_uri: str) -> Iterator[str]:
    """The lines of a ready-to-paste call. The key is not in them: the shell asks ``scorewright keys`` for it."""
    service = run.spec.services[name]
    where = selection(run)
    yield "  " + shlex.join(["scorewright", "score", name, *where])
    yield f"  curl {shlex.quote(scoring_uri)} \\"
    if service.auth != "none":
        what = ["--only", "primary"] if service.auth == "key" else ["--token"]
        keys = shlex.join(["scorewright", "keys", name, *what, *where])
        yield f'    -H "Authorization: Bearer $({keys})" \\'
    if service.sample is None:
        yield "    -H 'Content-Type: application/json' -d '{\"data\": [...]}'"
        return
    from .verbs.score import sniff

    sample, here = service.sample.input, Path.cwd()
    with sample.open("rb") as file:
        kind = sniff(file.read(8))
    shown = sample.relative_to(here) if sample.is_relative_to(here) else sample
    yield f"    -H 'Content-Type: {kind}' --data-binary {shlex.quote(f'@{shown}')}"


def addressed(text: str, run: Run) -> str:
    """The text with every command in it leading to the file and target of this run, so that it can be pasted."""
    where = shlex.join([*selection(run), *(option for text in run.sets for option in ("--set", text))])
    chosen = shlex.join(option for name in run.services for option in ("--service", name))

    def full(found: re.Match[str]) -> str:
        of_all = len(found[1].split()) == 2  # and not of one service, which it names itself
        return " ".join(part for part in (found[1], where, chosen if of_all else "") if part)

    return _COMMAND.sub(full, text)


def selection(run: Run) -> list[str]:
    """The options that lead a later command to the same file and target."""
    files = (
        [] if [str(file) for file in run.files] == ["deploy.yaml"] else [x for f in run.files for x in ("-f", str(f))]
    )
    return files + ([] if run.target == "local" else ["-t", run.target])
