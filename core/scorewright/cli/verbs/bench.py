"""``scorewright bench``: how much a service takes, and how fast it answers."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scorewright.cli.complete import service_names
from scorewright.cli.options import common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scorewright.bench.load import Load, Outcome
    from scorewright.bench.suggest import Suggestion
    from scorewright.bench.sweep import Measured, Planned, Series
    from scorewright.cli.run import Run
    from scorewright.resolve import ResolvedService
    from scorewright.target import Endpoint

LONGEST, MOST = 600.0, 4096


class Numbers(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # not generic in older releases
    """Whole numbers with commas between them, each from 1 to ``most``."""

    name = "N,N…"

    def __init__(self, most: int) -> None:
        self.most = most

    def convert(
        self, value: str | tuple[int, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers, each once."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isdigit() and 1 <= int(part) <= self.most for part in parts):
            self.fail(f"{value!r} is not a list of numbers from 1 to {self.most}, such as 1,8,32", param, ctx)
        return tuple(dict.fromkeys(int(part) for part in parts))


@click.command()
@click.argument("service", required=False, shell_complete=service_names)
@click.option(
    "-c", "--concurrency", type=Numbers(MOST), default="1,2,4,8,16,32,64", show_default=True, help="Callers at a time."
)
@click.option(
    "--body",
    "bodies",
    multiple=True,
    type=click.Choice(["json", "npy", "v2"]),
    help="Form of the requests; repeat to compare.  [default: json]",
)
@click.option("--rows", type=Numbers(MOST), default="1", show_default=True, help="Rows in one request.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, LONGEST),
    default=2.0,
    show_default=True,
    help="Length of each load, after a warm-up.",
)
@click.option(
    "--max-requests", type=click.IntRange(1, 10_000_000), default=1_000_000, show_default=True, help="Most in one load."
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True, max=100_000),
    default=None,
    metavar="R",
    help="Open loop: R requests/s arrive, whether or not answers do.",
)
@click.option("--new-connections", is_flag=True, help="A new connection for every request.")
@click.option("--no-check", is_flag=True, help="Do not compare answers with the first one to the same request.")
@click.option("--direct", is_flag=True, help="Run the bundle in a server of its own here, with nothing in front.")
@click.option("--compare", type=click.Choice(["tutorial"]), help="Run the tutorial's score.py beside it here.")
@click.option("--suggest", "suggesting", is_flag=True, help="How many replicas --rate within --p99 needs; proves it.")
@click.option("--p99", type=click.FloatRange(min=0, min_open=True), default=None, metavar="MS", help="For --suggest.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a report.")
@common()
def command(
    run: Run,
    service: str | None,
    concurrency: tuple[int, ...],
    bodies: tuple[str, ...],
    rows: tuple[int, ...],
    seconds: float,
    max_requests: int,
    rate: float | None,
    new_connections: bool,
    no_check: bool,
    direct: bool,
    compare: str | None,
    suggesting: bool,
    p99: float | None,
    html: Path | None,
) -> int:
    """Measure a service: requests/s and latencies while several callers send at a time.

    The load goes only to the service of the deploy file. It costs what such requests cost.
    """
    from scorewright.bench.load import Load

    if suggesting and (rate is None or p99 is None):
        raise click.UsageError("--suggest needs --rate and --p99")
    if p99 is not None and not suggesting:
        raise click.UsageError("--p99 goes with --suggest")
    if html is not None and not html.absolute().parent.is_dir():
        raise click.UsageError(f"--html {html}: there is no folder {html.parent}")
    name = run.one_service(service)
    found = _resolved(run, name)
    pattern = Load(
        uri="",
        bodies=(),
        seconds=seconds,
        most=max_requests,
        timeout=found.spec.timeout_ms / 1000 + 5,
        keep_alive=not new_connections,
        check=not no_check,
        rate=None if suggesting else rate,
    )
    loads = list(_loads(found, pattern, bodies or ("json",), rows, concurrency))
    with ExitStack() as stack:
        planned, where = _planned(run, found, loads, stack, direct=direct, compare=compare)
        measured = _measure(run, found, planned, where, compare)
        if suggesting and rate is not None and p99 is not None:
            ours = next(one for one in planned if one.label != compare)
            suggestion = _suggest(run, found, measured, ours.loads[0], rate, p99, alone=direct or bool(compare))
            measured = replace(measured, suggestion=suggestion)
    _tell(run, measured, html)
    return 1 if any(outcome.failed for series in measured.series for outcome in series.outcomes) else 0


def _resolved(run: Run, name: str) -> ResolvedService:
    """The service as `up` would deploy it. Raises `CheckError` (SW1700) where it cannot be."""
    from scorewright.errors import CheckError
    from scorewright.resolve import resolve

    resolved = resolve(run.whole_spec.only([name]), run.plugins, gpu_default=run.deployer.target.gpu_default)
    if name not in resolved.services:
        raise CheckError("SW1700", f"{name} cannot be resolved", resolved.findings, steps=["scorewright check"])
    return resolved.services[name]


def _loads(
    found: ResolvedService, pattern: Load, forms: Sequence[str], rows: Sequence[int], concurrency: Sequence[int]
) -> list[tuple[str, list[Load]]]:
    """Labels and the loads of each, still without an address."""
    from scorewright.bench.payloads import make_bodies

    series = []
    for form in forms:
        for count in rows:
            made = make_bodies(found.spec, found.inspection.signature, form, count)
            base = replace(pattern, bodies=made.bodies, headers=made.headers, rows=count)
            steps = (max(concurrency),) if pattern.rate else concurrency
            label = form if count == 1 else f"{form}, {count} rows"
            series.append((label, [replace(base, concurrency=step) for step in steps]))
    return series


def _planned(
    run: Run,
    found: ResolvedService,
    loads: list[tuple[str, list[Load]]],
    stack: ExitStack,
    *,
    direct: bool,
    compare: str | None,
) -> tuple[list[Planned], str]:
    """The series with their addresses, and where they go; what must be started for that is."""
    from scorewright.bench.here import serve_bundle, serve_tutorial
    from scorewright.bench.sweep import Planned
    from scorewright.target import Endpoint

    if not (direct or compare):
        endpoint = run.deployer.endpoint(run.spec, found.name)
        return [Planned(label, [_aimed(load, endpoint) for load in steps]) for label, steps in loads], (
            f"target {run.target}"
        )
    run.note("starting the service on this machine")
    own = Endpoint(found.name, stack.enter_context(serve_bundle(found)).uri + "/score")
    planned = [Planned(label, [_aimed(load, own) for load in steps]) for label, steps in loads]
    if compare:
        theirs = Endpoint(compare, stack.enter_context(serve_tutorial(found)).uri + "/score")
        form = next(steps for label, steps in loads)
        planned = [Planned(compare, [_aimed(load, theirs) for load in form]), *planned]
    return planned, "on this machine, nothing in front"


def _aimed(load: Load, endpoint: Endpoint) -> Load:
    return replace(load, uri=endpoint.scoring_uri, headers={**endpoint.headers, **load.headers})


def _measure(run: Run, found: ResolvedService, planned: list[Planned], where: str, base: str | None) -> Measured:
    from scorewright.bench.sweep import Measured, sweep

    return Measured(found.name, where, sweep(planned, lambda label, one: _note(run, label, one)), base)


def _suggest(
    run: Run, found: ResolvedService, measured: Measured, load: Load, rate: float, p99: float, *, alone: bool
) -> Suggestion:
    from scorewright.bench.suggest import suggest

    series: Series = next(one for one in measured.series if one.label != measured.base)
    replicas = 1 if alone or run.target == "local" else found.spec.replicas or 1
    note = lambda label, one: _note(run, label, one)  # noqa: E731
    return suggest(found.name, series, load, rate, p99, replicas=replicas, on_outcome=note)


def _note(run: Run, label: str, outcome: Outcome) -> None:
    from scorewright.bench.text import line

    run.note(line(label, outcome))


def _tell(run: Run, measured: Measured, html: Path | None) -> None:
    from scorewright.bench.text import text

    if html is not None:
        from scorewright.bench.report import page

        html.write_text(page(measured), encoding="utf-8")
        run.note(f"wrote {html}")
    run.answer(measured.to_dict(), lambda: text(measured))
