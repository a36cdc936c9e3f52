"""``scorewright down``: delete what we made, and say what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common
from scorewright.cli.plans import plan_text

if TYPE_CHECKING:
    from scorewright.cli.run import Run


@click.command()
@click.option("--cluster", is_flag=True, help="Delete the cluster, too, if we created it.")
@common()
def command(run: Run, cluster: bool) -> None:
    """Delete what we made, wait until it is gone, and list what is left that costs money or space.

    What others made is never touched.
    """
    plan = run.deployer.plan_destroy(run.spec, cluster=cluster)
    run.note(plan_text(plan))
    if plan.changed:
        run.confirm("Delete this?", look="scorewright status")
    with run.observed() as emit:
        left = run.deployer.destroy(run.spec, cluster=cluster, on_event=emit)
    lines = [f"left: {line}" for line in left] or ["nothing is left"]
    run.answer({"plan": plan.to_dict(), "left": list(left)}, "" if run.quiet else "\n".join(lines))
