"""``scorewright plan``: what ``up`` would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run


@click.command()
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if something would change, 0 if not.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="RPS",
    help="Requests per second, to price a thousand of them.",
)
@common()
def command(run: Run, detailed_exitcode: bool, rate: float | None) -> int:
    """Show what `up` would create, change, replace, keep and delete, with the reason for each.

    Nothing is changed. Prices are list prices, rough and dated; what is not known is called unknown.
    """
    from scorewright.cli.plans import plan_data, plan_text
    from scorewright.price import of_spec

    plan = run.deployer.plan(run.spec)
    cost = of_spec(plan.spec) if plan.target != "local" else None
    price = {"cluster_price": cost.to_dict(rate)} if cost else {}
    run.answer({**plan_data(plan), **price}, lambda: "\n".join([plan_text(plan), *(cost.lines(rate) if cost else [])]))
    return 2 if detailed_exitcode and plan.changed else 0
