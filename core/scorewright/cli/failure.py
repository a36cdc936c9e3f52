"""How failures and findings look: as text for people, as one JSON document for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from scorewright.errors import FindingsError
from scorewright.findings import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scorewright.errors import ScorewrightError
    from scorewright.findings import Finding, Location

COLORS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.INFO: "blue"}


def show(error: ScorewrightError, *, as_json: bool) -> None:
    """Show an expected failure: JSON on stdout, or what failed, why, and what to do next on stderr."""
    if as_json:
        click.echo(json.dumps({"error": error.to_dict()}, indent=2))
        return
    from .terminal import echo

    for line in failure_lines(error):
        echo(line, err=True)


def failure_lines(error: ScorewrightError) -> Iterator[str]:
    """The lines that tell of an error."""
    if isinstance(error, FindingsError):
        yield from finding_lines(error.findings)
    yield f"{click.style('error', fg='red', bold=True)} {error.code}: {error.summary}"
    if error.cause:
        yield from _labelled("why", error.cause)
    for number, step in enumerate(error.steps):
        yield from _labelled("next" if number == 0 else "", step)
    yield from _labelled("more", f"scorewright explain {error.code}")


def _labelled(label: str, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines()):
        yield f"  {(label + ':' if label and number == 0 else '').ljust(5)} {line}"


def finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """The lines that tell of findings: the worst first, then by place; each with its way out."""
    order = list(Level)
    for finding in sorted(findings, key=lambda one: (order.index(one.level), _place(one))):
        level = click.style(finding.level.value, fg=COLORS[finding.level], bold=True)
        where = f"{_shown(finding.location)}: " if finding.location else ""
        key = f"{finding.path}: " if finding.path else ""
        yield f"{where}{level} {finding.code} {key}{finding.message}"
        if finding.hint:
            for line in finding.hint.splitlines():
                yield f"    {line}"


def tally(findings: Sequence[Finding]) -> str:
    """How many of each level, as ``2 errors, 1 warning``; empty for none."""
    counts = [(sum(one.level is level for one in findings), level.value) for level in Level]
    return ", ".join(f"{count} {name}{'s' if count > 1 and name != 'info' else ''}" for count, name in counts if count)


def _place(finding: Finding) -> tuple[str, int, int]:
    at = finding.location
    return (str(at.file), at.line, at.column) if at else ("", 0, 0)


def _shown(at: Location) -> str:
    """The place, relative to the current folder where it is below it."""
    from dataclasses import replace
    from pathlib import Path

    folder = Path.cwd()
    return str(replace(at, file=at.file.relative_to(folder)) if at.file.is_relative_to(folder) else at)
