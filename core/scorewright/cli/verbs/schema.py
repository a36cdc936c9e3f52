"""``scorewright schema``: the JSON Schema of the deploy file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run


@click.command()
@common()
def command(run: Run) -> None:
    """Print the JSON Schema of deploy.yaml, for editors and validators."""
    from scorewright.spec.schema import json_schema

    run.output = "json"
    run.answer(json_schema())
