"""``scorewright plugin new``: the scaffold of a plugin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run


@click.group()
def command() -> None:
    """Start a plugin of your own: a framework, a target, or your organisation's checks."""


@command.command()
@click.argument("name")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Parent of the new folder."
)
@common()
def new(run: Run, name: str, into: Path) -> None:
    """Write the folder scorewright-NAME: an installable plugin with its tests, ready to change."""
    from scorewright.scaffold.plugin import write_plugin

    folder = write_plugin(name, into)
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    run.answer({"folder": str(folder), "files": list(files)}, f"wrote {folder}")
    run.note(f"next: pip install -e {folder} && scorewright plugins")
