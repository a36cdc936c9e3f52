"""``scorewright status``: what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scorewright.cli.run import Run
    from scorewright.findings import Json
    from scorewright.target import LiveResource

COLUMNS = ("version", "replicas", "device", "scoring_uri")
COLORS = {"healthy": "green", "changing": "yellow", "unhealthy": "red", "failed": "red", "absent": "bright_black"}


@click.command()
@common()
def command(run: Run) -> None:
    """Show every service's state, version, replicas, device and scoring URI."""
    live = {one.name: one for one in run.deployer.status(run.spec) if one.kind == "service"}
    names = [*run.spec.services, *(name for name in live if name not in run.spec.services)]
    rows = [_row(name, live.get(name)) for name in names]
    run.answer({"target": run.target, "services": {str(row["service"]): row for row in rows}}, lambda: _text(rows))


def _row(name: str, live: LiveResource | None) -> dict[str, Json]:
    info = live.info if live else {}
    state = live.state if live else "absent"
    return {"service": name, "state": state, **{column: info.get(column) for column in COLUMNS}}


def _text(rows: Sequence[dict[str, Json]]) -> str:
    from scorewright.cli.terminal import table

    def cell(row: dict[str, Json], column: str) -> str:
        value = "-" if row[column] is None else str(row[column])
        return click.style(value, fg=COLORS.get(value)) if column == "state" else value

    columns = ("service", "state", *COLUMNS)
    head = [column.upper().replace("_", " ") for column in columns]
    return table(head, [[cell(row, column) for column in columns] for row in rows])
