"""``scorewright explain``: an error code's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.complete import error_codes
from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run


@click.command()
@click.argument("code", required=False, shell_complete=error_codes)
@common()
def command(run: Run, code: str | None) -> None:
    """Explain an error code: what it means, why it happens, what to do. Without a code, list them all."""
    from scorewright.explain import codes, page

    if code is None:
        titles = {one: page(one).title for one in codes()}
        run.answer({"codes": dict(titles)}, "\n".join(f"{one}  {title}" for one, title in titles.items()))
        return
    found = page(code)
    run.answer({"code": found.code, "title": found.title, "text": found.text}, found.text.rstrip())
