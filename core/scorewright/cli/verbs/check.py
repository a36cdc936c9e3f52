"""``scorewright check``: every preflight check, no side effects."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from scorewright.cli.options import FORMATS, common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scorewright.cli.run import Run
    from scorewright.findings import Finding

SARIF = "sarif"


@click.command()
@click.option("--strict", is_flag=True, help="Let warnings refuse, too.")
@click.option("--run", "trial", is_flag=True, help="Also run each sample through its model here, with your handler.")
@common(formats=(*FORMATS, SARIF))
def command(run: Run, strict: bool, trial: bool) -> int:
    """Check everything that can be checked before a deployment, without changing anything.

    Exit code 2 if a finding refuses. `-o sarif` writes the findings for CI services that show them beside the lines.
    `--run` also runs what would be deployed, where its framework is installed; without it, nothing of yours is run.
    """
    from scorewright.cli.failure import finding_lines, tally
    from scorewright.errors import SpecError

    try:
        report = run.deployer.check(run.spec, strict=strict)
        if trial and report.ok:
            from scorewright.trial import try_out

            report = replace(report, findings=(*report.findings, *try_out(run.spec, run.plugins)))
    except SpecError as error:
        if run.output != SARIF:
            raise
        _write_sarif(error.findings, strict)
        return 2
    if run.output == SARIF:
        _write_sarif(report.findings, strict)
        return 0 if report.ok else 2
    verdict = "ok" if report.ok else "refused"
    counts = tally(report.findings) or "no findings"
    run.answer(report.to_dict(), lambda: "\n".join([*finding_lines(report.findings), f"{verdict}: {counts}"]))
    return 0 if report.ok else 2


def _write_sarif(findings: Sequence[Finding], strict: bool) -> None:
    from scorewright.sarif import to_sarif

    click.echo(json.dumps(to_sarif(findings, strict=strict), indent=2))
