"""How a plan looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from scorewright.plan import Plan

COLORS = {"+": "green", "~": "yellow", "-": "red"}


def plan_text(plan: Plan) -> str:
    """The plan as it prints itself, each line coloured by its mark."""
    return "\n".join(_coloured(line) for line in str(plan).splitlines())


def _coloured(line: str) -> str:
    mark = line.lstrip()[:1]
    return click.style(line, fg=COLORS[mark]) if mark in COLORS else line
