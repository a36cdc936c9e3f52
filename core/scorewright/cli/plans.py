"""How a plan looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .failure import finding_lines

if TYPE_CHECKING:
    from scorewright.findings import Json
    from scorewright.plan import Plan

COLORS = {"+": "green", "~": "yellow", "-": "red"}


def plan_text(plan: Plan) -> str:
    """What the checks had to say, then the plan as it prints itself, each line coloured by its mark."""
    return "\n".join([*finding_lines(plan.findings), *(_coloured(line) for line in str(plan).splitlines())])


def plan_data(plan: Plan) -> dict[str, Json]:
    """The plan and what the checks had to say as plain data."""
    return {**plan.to_dict(), "findings": [finding.to_dict() for finding in plan.findings]}


def _coloured(line: str) -> str:
    mark = line.lstrip()[:1]
    return click.style(line, fg=COLORS[mark]) if mark in COLORS else line
