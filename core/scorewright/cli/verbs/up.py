"""``scorewright up``: plan, consent, converge, golden request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.calls import curl
from scorewright.cli.options import common
from scorewright.cli.plans import plan_data, plan_text

if TYPE_CHECKING:
    from scorewright.cli.run import Run
    from scorewright.findings import Json


@click.command()
@common()
def command(run: Run) -> None:
    """Make the target what the deploy file says; safe to repeat and to interrupt.

    Shows the plan and asks (or takes --yes). A service counts as done only when it has answered a golden request.
    """
    plan = run.deployer.plan(run.spec)
    run.note(plan_text(plan))
    if plan.changed:
        run.confirm("Go on?", look="scorewright plan")
    with run.observed() as emit:
        result = run.deployer.apply(plan, on_event=emit)
    uris = {name: result[name].scoring_uri for name in run.spec.services}
    services: dict[str, Json] = {name: {"scoring_uri": uri} for name, uri in uris.items()}
    run.answer({"plan": plan_data(plan), "services": services}, "" if run.quiet else lambda: _summary(run, uris))


def _summary(run: Run, uris: dict[str, str]) -> str:
    """Every scoring URI, and how to call the first."""
    first, *_ = uris
    width = max(map(len, uris))
    lines = [f"{name:<{width}}  {uri}" for name, uri in uris.items()]
    return "\n".join([*lines, "", "try:", *curl(run, first, uris[first])])
