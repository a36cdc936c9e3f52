"""A measurement as one HTML file: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from scorewright.rendering import render

from .charts import Points, bar_chart, line_chart
from .text import HEAD, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .charts import Chart
    from .load import Outcome
    from .suggest import Suggestion
    from .sweep import Measured, Series

TEMPLATE = "bench/report.html.jinja"
SHOWN = {"p50": "solid", "p90": "dashed", "p99": "dotted"}


class Figure(NamedTuple):
    """A chart with its title and what to see in it."""

    title: str
    text: str
    chart: Chart


class Tile(NamedTuple):
    """A number that matters."""

    value: str
    unit: str
    text: str


class Table(NamedTuple):
    """The numbers of a series. ``colour``: its place in the palette."""

    label: str
    colour: int
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ReportContext:
    """What the report's template may use."""

    service: str
    where: str
    machine: str
    at: str
    device: str
    tiles: tuple[Tile, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    warnings: tuple[str, ...]
    suggestion: Suggestion | None
    base: str | None


def page(measured: Measured) -> str:
    """The report."""
    main = _main(measured)
    context = ReportContext(
        service=measured.service,
        where=measured.where,
        machine=measured.machine,
        at=measured.at,
        device=main.best.told.get("device", "unknown"),
        tiles=tuple(_tiles(measured, main)),
        figures=tuple(_figures(measured, main)),
        tables=tuple(_table(measured, one, index) for index, one in enumerate(measured.series, 1)),
        warnings=measured.warnings,
        suggestion=measured.suggestion,
        base=measured.base,
    )
    return render("scorewright_templates", TEMPLATE, context)


def _main(measured: Measured) -> Series:
    """The series that the page is about: the fastest of the service's own."""
    own = [one for one in measured.series if one.label != measured.base]
    return max(own, key=lambda one: one.best.rows_per_second)


def _tiles(measured: Measured, main: Series) -> Iterator[Tile]:
    best, first = main.best, main.outcomes[0]
    yield Tile(f"{best.rps:,.0f}", "requests/s", f"most, {_load(best)}, {main.label}")
    if best.latency:
        yield Tile(f"{best.latency['p99']:.2f}", "ms p99", "at that load")
    if first is not best and first.latency:
        yield Tile(f"{first.latency['p50']:.2f}", "ms p50", _load(first))
    ratio = measured.ratio(main, best)
    if ratio is not None:
        yield Tile(f"{ratio:.1f}", "times", f"the {measured.base}'s requests/s")
    total = sum(one.requests + one.failed for series in measured.series for one in series.outcomes)
    failed = sum(one.failed for series in measured.series for one in series.outcomes)
    yield Tile(f"{failed:,}", "failed", f"of {total:,} requests, answers checked")


def _figures(measured: Measured, main: Series) -> Iterator[Figure]:
    swept = [one for one in measured.series if len(_answered(one)) > 1]
    if swept:
        lines = [Points(one.label, measured.series.index(one) + 1, _latencies(one)) for one in swept]
        text = "Each point is a number of callers. Right and low is good; where a line turns up, callers only wait."
        yield Figure("Latency over throughput", text, line_chart(lines, "requests/s", "p99, ms"))
    for series in swept:
        points = _answered(series)
        place = measured.series.index(series) + 1
        lines = [
            Points(name, place, [(o.concurrency, o.latency[name], _told(o)) for o in points], style)
            for name, style in SHOWN.items()
        ]
        chart = line_chart(lines, "callers at a time", "ms", doubling=True)
        yield Figure(f"Percentiles over concurrency: {series.label}", "Half of all requests take less than p50.", chart)
    batched = max(main.outcomes, key=lambda one: max(one.batches, default=0))
    if batched.batches:
        total = sum(batched.batches.values())
        shares = [(str(n), 100 * c / total, f"{n} rows: {c:,} requests") for n, c in batched.batches.items()]
        text = f"How many rows the model's calls had, {_load(batched)}, {main.label}."
        yield Figure("Batches", text, bar_chart(shares, "rows in the call", "% of requests"))


def _answered(series: Series) -> list[Outcome]:
    return [one for one in series.outcomes if one.latency and one.rate is None]


def _latencies(series: Series) -> list[tuple[float, float, str]]:
    return [(one.rps, one.latency["p99"], _told(one)) for one in _answered(series)]


def _table(measured: Measured, series: Series, colour: int) -> Table:
    ratios = [measured.ratio(series, outcome) for outcome in series.outcomes]
    rows = [row(outcome) for outcome in series.outcomes]
    head: tuple[str, ...] = HEAD
    if any(ratio is not None for ratio in ratios):
        head = (*HEAD, f"VS {(measured.base or '').upper()}")
        rows = [(*cells, f"{ratio:.1f} x" if ratio else "-") for cells, ratio in zip(rows, ratios, strict=True)]
    return Table(series.label, colour, head, tuple(rows))


def _load(outcome: Outcome) -> str:
    if outcome.rate:
        return f"{outcome.rate:g}/s offered"
    return "one caller" if outcome.concurrency == 1 else f"{outcome.concurrency} callers at a time"


def _told(outcome: Outcome) -> str:
    shown = ", ".join(f"{name} {outcome.latency[name]:.2f} ms" for name in SHOWN)
    return f"{_load(outcome)}: {outcome.rps:,.0f}/s, {shown}"
