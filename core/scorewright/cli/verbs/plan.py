"""``scorewright plan``: what ``up`` would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run


@click.command()
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if something would change, 0 if not.")
@common()
def command(run: Run, detailed_exitcode: bool) -> int:
    """Show what `up` would create, change, replace, keep and delete, with the reason for each.

    Nothing is changed.
    """
    from scorewright.cli.plans import plan_data, plan_text

    plan = run.deployer.plan(run.spec)
    run.answer(plan_data(plan), lambda: plan_text(plan))
    return 2 if detailed_exitcode and plan.changed else 0
