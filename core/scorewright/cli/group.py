"""The command's root: a click group that knows its verbs by name and loads a verb only to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import scorewright

from .verbs import VERBS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Verbs(click.Group):
    """The verbs. Help and completion come from `VERBS` alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb, in the order of `VERBS`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a verb's module and return its command."""
        verb = VERBS.get(cmd_name)
        return None if verb is None else verb.load()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that the arguments begin with; a misspelt one gets the nearest as a hint."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no verb {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs under their sections, without loading one."""
        width = max(map(len, VERBS))
        for section in dict.fromkeys(verb.section for verb in VERBS.values()):
            rows = [(name.ljust(width), verb.summary) for name, verb in VERBS.items() if verb.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a verb's name, without loading one."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=v.summary) for name, v in VERBS.items() if name.startswith(incomplete)]
        return found or click.Command.shell_complete(self, ctx, incomplete)


def _version(ctx: click.Context, param: click.Parameter, value: Any) -> None:  # noqa: ANN401  click's own signature
    if value and not ctx.resilient_parsing:
        click.echo(f"scorewright {scorewright.__version__}")
        ctx.exit()


@click.command(
    cls=Verbs,
    context_settings=CONTEXT,
    epilog="`scorewright VERB --help` tells more. Start with `scorewright init MODEL`.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli() -> None:
    """Put trained models into service: checked, planned, proven and cleaned up.

    A deploy file (deploy.yaml) says what shall run; `up` makes it so on this machine (target `local`) or in Azure.
    """
