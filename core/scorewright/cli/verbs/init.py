"""``scorewright init MODEL…``: a first deploy file, from what the model files say."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scorewright.cli.calls import selection
from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="MODEL...")
@common()
def command(run: Run, models: tuple[Path, ...]) -> None:
    """Write a commented deploy.yaml from model files or folders.

    Framework, format and signature are read from the files. What they do not say is marked for you to fill in.
    The JSON Schema that editors complete and check the file by is written beside it, as deploy.schema.json.
    With `-f -` the text is written to standard output, and nothing else.
    """
    from scorewright.scaffold import init
    from scorewright.spec.schema import BESIDE

    path = run.files[0]
    text = init(list(models), run.plugins)
    if str(path) == "-":
        run.answer({"file": None, "text": text}, text.rstrip())
        return
    if path.exists():
        run.confirm(f"{path} exists. Overwrite it?")
    path.write_text(text, encoding="utf-8")
    schema = path.with_name(BESIDE)
    _write_schema(schema)
    run.answer({"file": str(path), "text": text, "schema": str(schema)}, f"wrote {path}")
    where = "".join(f" {shlex.quote(part)}" for part in selection(run))
    run.note(f"next: scorewright check{where} && scorewright up{where}")


def _write_schema(path: Path) -> None:
    """Write the schema, or write it anew; what somebody else keeps under this name stays."""
    from scorewright.spec.schema import COMMITTED, IDENTITY

    if not path.exists() or f'"{IDENTITY}"' in path.read_text(encoding="utf-8", errors="replace"):
        path.write_bytes(COMMITTED.read_bytes())
