"""``scorewright plugins``: what is loaded, and what is not and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scorewright.cli.run import Run
    from scorewright.findings import Json
    from scorewright.plugins import Plugin, PluginManager

COLUMNS = ("plugin", "kind", "name", "distribution", "summary")


@click.command()
@common()
def command(run: Run) -> None:
    """List the frameworks and targets that are loaded, and the plugins that could not be."""
    found = run.plugins
    rows = [row for plugin in found.plugins for row in _rows(found, plugin)]
    listed: list[Json] = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    problems: list[Json] = [problem.finding().to_dict() for problem in found.problems]
    disabled: list[Json] = [plugin.name for plugin in found.disabled]
    run.answer({"plugins": listed, "problems": problems, "disabled": disabled}, lambda: _text(found, rows))


def _rows(found: PluginManager, plugin: Plugin) -> Iterator[tuple[str, ...]]:
    """One row for each record of a plugin; a plugin of checks or observers alone has one row, too."""
    origin = f"{plugin.distribution} {plugin.version}" if plugin.distribution else ""
    for name in plugin.frameworks:
        yield plugin.name, "framework", name, origin, found.frameworks[name].summary
    for name in plugin.targets:
        yield plugin.name, "target", name, origin, found.targets[name].summary
    if not plugin.frameworks + plugin.targets:
        yield plugin.name, "checks or events", "-", origin, ""


def _text(found: PluginManager, rows: Sequence[Sequence[str]]) -> str:
    from scorewright.cli.failure import finding_lines
    from scorewright.cli.terminal import table

    problems = finding_lines([problem.finding() for problem in found.problems])
    disabled = [f"disabled: {plugin}" for plugin in found.disabled]
    return "\n".join([table([column.upper() for column in COLUMNS], rows), *disabled, *problems])
