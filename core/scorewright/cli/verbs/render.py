"""``scorewright render -o DIR``: the bundles, as folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scorewright.cli.options import FORMATS, common

if TYPE_CHECKING:
    from scorewright.bundle import Bundle
    from scorewright.cli.run import Run
    from scorewright.findings import Json


@click.command()
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="DIR|json",
    help="Folder to write to, one folder per service below it (default: build); json: answer as JSON. May be repeated.",
)
@common(formats=None)
def command(run: Run, outputs: tuple[str, ...]) -> None:
    """Write the bundles: score.py, runtime, conda file, manifest.

    Same inputs, same bytes: a bundle does not depend on the machine, the day or the target.
    """
    from scorewright.deployer import render

    if "json" in outputs:
        run.output = "json"
    folders = [Path(name) for name in outputs if name not in FORMATS] or [Path("build")]
    bundles = {name: render(run.spec, name, plugins=run.plugins) for name in run.spec.services}
    written = [(bundle, bundle.write(folder / name)) for folder in folders for name, bundle in bundles.items()]
    run.answer(
        {"bundles": [_described(bundle, folder) for bundle, folder in written]},
        lambda: "\n".join(
            f"{folder}  {bundle.framework} {bundle.format}  {bundle.hash[:12]}" for bundle, folder in written
        ),
    )


def _described(bundle: Bundle, folder: Path) -> dict[str, Json]:
    return {
        "service": bundle.service,
        "folder": str(folder),
        "hash": bundle.hash,
        "environment_hash": bundle.environment_hash,
        "files": list(bundle.files),
    }
