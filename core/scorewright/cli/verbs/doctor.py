"""``scorewright doctor``: is this machine ready?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scorewright.cli.run import Run
    from scorewright.doctor import Diagnosis

COLORS = {"ok": "green", "info": "blue", "warning": "yellow", "error": "red"}


@click.command()
@click.option("--online", is_flag=True, help="Also ask whether the package index answers.")
@common()
def command(run: Run, online: bool) -> int:
    """Look whether this machine is ready to build and deploy, and say how to fix what is missing.

    Exit code 1 if something that every deployment needs is missing. Credentials are named by kind, never shown.
    """
    from scorewright.doctor import diagnose

    found = diagnose(run.plugins, online=online)
    ready = all(one.level != "error" for one in found)
    run.answer({"ready": ready, "probes": [one.to_dict() for one in found]}, lambda: _text(found))
    return 0 if ready else 1


def _text(found: Sequence[Diagnosis]) -> str:
    from scorewright.cli.terminal import table

    rows = [(one.name, click.style(one.level, fg=COLORS[one.level]), one.found) for one in found]
    fixes = [f"{one.name}: {one.fix}" for one in found if one.fix]
    return "\n".join([table(("PROBE", "STATE", "FOUND"), rows), *(["", "to fix:"] if fixes else []), *fixes])
