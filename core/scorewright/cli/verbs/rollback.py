"""``scorewright rollback``: back to the version before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.complete import service_names
from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run


@click.command()
@click.argument("service", required=False, shell_complete=service_names)
@common()
def command(run: Run, service: str | None) -> None:
    """Put a service back to the version before, proven by a golden request.

    The deploy file still says what it said: the next `up` deploys it again unless you change it.
    """
    name = run.one_service(service)
    run.confirm(f"Put {name} back to the version before?")
    with run.observed() as emit:
        live = run.deployer.rollback(run.spec, name, on_event=emit)
    version = live.info.get("version")
    run.answer(
        {"service": name, "state": live.state, "version": version}, "" if run.quiet else f"{name} is back at {version}"
    )
