"""``scorewright lock``: pin every package of every service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from scorewright.cli.run import Run
    from scorewright.lock.update import Update


@click.command()
@click.option("--upgrade", is_flag=True, help="Resolve anew, without regard to the versions that are locked.")
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing; exit code 2 if the lock is missing or stale."
)
@common()
def command(run: Run, upgrade: bool, only_check: bool) -> int:
    """Pin every package of every service, the server stack included, in deploy.lock beside the deploy file.

    Resolved with uv for the container's Python and platform, not for this machine's. Services whose packages have not
    changed keep their pins. Commit the file: bundles are then the same on every machine and every day.
    """
    from scorewright.lock.update import update

    with run.observed() as emit:
        done = update(run.spec, run.plugins, emit, upgrade=upgrade, dry=only_check)
    run.answer(done.to_dict(), lambda: _text(done, only_check))
    return 2 if only_check and done.stale else 0


def _text(done: Update, only_check: bool) -> str:
    if only_check and not done.existed:
        return f"there is no {done.path}; run: scorewright lock"
    if only_check:
        stale = ", ".join(done.stale)
        return f"{done.path}: stale for {stale}; run: scorewright lock" if stale else f"{done.path} is fresh"
    lines = [f"{name}: {count} packages for Python {python}" for name, count, python in done.rows()]
    state = "written" if done.changed else "unchanged"
    return "\n".join([*lines, f"{done.path} {state}"])
