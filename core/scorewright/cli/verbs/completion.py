"""``scorewright completion``: what the shell needs to complete verbs, options, services and targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@common()
def command(run: Run, shell: str) -> None:
    """Print the shell's completion script.

    bash: `eval "$(scorewright completion bash)"` in ~/.bashrc; zsh likewise in ~/.zshrc;
    fish: `scorewright completion fish > ~/.config/fish/completions/scorewright.fish`.
    """
    from click.shell_completion import get_completion_class

    from scorewright.cli.group import cli

    kind = get_completion_class(shell)
    assert kind is not None, shell
    script = kind(cli, {}, "scorewright", "_SCOREWRIGHT_COMPLETE").source()
    run.answer({"shell": shell, "script": script}, script.strip())
