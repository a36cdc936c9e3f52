"""``scorewright keys``: the one verb that shows keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.complete import service_names
from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run

KEYS = click.Choice(["primary", "secondary"])


@click.command()
@click.argument("service", required=False, shell_complete=service_names)
@click.option("--regenerate", type=KEYS, help="Replace this key by a new one; callers with the old one are refused.")
@click.option("--only", type=KEYS, help="Show just this key, for scripts.")
@click.option("--token", is_flag=True, help="Show the token that callers send where auth is token; it expires.")
@common()
def command(run: Run, service: str | None, regenerate: str | None, only: str | None, token: bool) -> None:
    """Show a service's keys, or replace one of them.

    Callers send a key or a token as `Authorization: Bearer KEY`.
    """
    name = run.one_service(service)
    if token:
        headers = run.deployer.endpoint(run.spec, name).headers
        value = next((text for header, text in headers.items() if header.lower() == "authorization"), "")
        value = value.removeprefix("Bearer ")
        run.answer({"service": name, "token": value}, value)
        return
    if regenerate:
        run.confirm(f"Replace the {regenerate} key of {name}? Callers with the old one will be refused.")
        keys = run.deployer.regenerate_key(run.spec, name, regenerate)
    else:
        keys = run.deployer.keys(run.spec, name)
    both = {"primary": keys.primary, "secondary": keys.secondary}
    shown = {only: both[only]} if only else both
    text = both[only] if only else "\n".join(f"{kind:<9}  {key}" for kind, key in both.items())
    run.answer({"service": name, **shown}, text)
