"""``scorewright check``: every preflight check, no side effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run


@click.command()
@click.option("--strict", is_flag=True, help="Let warnings refuse, too.")
@common()
def command(run: Run, strict: bool) -> int:
    """Check everything that can be checked before a deployment, without changing anything.

    Exit code 2 if a finding refuses.
    """
    from scorewright.cli.failure import finding_lines, tally

    report = run.deployer.check(run.spec, strict=strict)
    verdict = "ok" if report.ok else "refused"
    counts = tally(report.findings) or "no findings"
    run.answer(report.to_dict(), lambda: "\n".join([*finding_lines(report.findings), f"{verdict}: {counts}"]))
    return 0 if report.ok else 2
