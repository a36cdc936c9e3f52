"""``scorewright logs``: what a service says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.complete import service_names
from scorewright.cli.entry import INTERRUPTED
from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run
    from scorewright.findings import Json


class Logs(click.Command):
    """Takes ``-f`` both ways: alone it follows, as everywhere in logs; before a file (a service's name has neither
    dot nor slash) it names the deploy file, as everywhere in scorewright."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, each ``-f FILE`` read as ``--file FILE``."""
        pairs = zip(args, [*args, ""][1:], strict=True)
        named = ["--file" if one == "-f" and ("." in two or "/" in two) else one for one, two in pairs]
        return super().parse_args(ctx, named)


@click.command(cls=Logs)
@click.argument("service", required=False, shell_complete=service_names)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come. (-f FILE.yaml still names the deploy file.)")
@common(file=("--file",))
def command(run: Run, service: str | None, follow: bool) -> int:
    """Show a service's log."""
    if follow and run.output == "json":
        raise click.UsageError("a log that is followed has no end, so it cannot be one JSON document")
    name = run.one_service(service)
    lines = run.deployer.logs(run.spec, name, follow=follow)
    if run.output == "json":
        shown: list[Json] = list(lines)
        run.answer({"service": name, "lines": shown})
        return 0
    try:
        for line in lines:
            click.echo(line)
    except KeyboardInterrupt:  # The way to stop following: nothing was interrupted.
        return INTERRUPTED
    return 0
