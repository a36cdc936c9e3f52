"""A measurement as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.cli.terminal import table

if TYPE_CHECKING:
    from .load import Outcome
    from .sweep import Measured, Series

HEAD = ("LOAD", "REQ/S", "P50", "P90", "P99", "MAX", "BATCH", "FAILED")


def text(measured: Measured) -> str:
    """Tables, warnings and the suggestion."""
    blocks = [f"{measured.service}, {measured.where}\n{measured.machine}"]
    blocks += [_series(measured, series) for series in measured.series]
    blocks += [f"warning: {warning}" for warning in measured.warnings]
    if measured.suggestion is not None:
        one = measured.suggestion
        blocks.append(
            f"{one.rate:g} requests/s within p99 {one.p99:g} ms: {one.replicas} replicas\n"
            f"proven at {one.per_replica:.0f}/s for one: p99 {one.proof.latency['p99']:.2f} ms, "
            f"{one.proof.requests} requests, none failed\n\n{one.yaml()}"
        )
    return "\n\n".join(blocks)


def line(label: str, outcome: Outcome) -> str:
    """One outcome, for progress."""
    cells = row(outcome)
    return f"{label}: {cells[0]}, {cells[1]}/s, p50 {cells[2]}, p99 {cells[4]} ms, {cells[7]} failed"


def row(outcome: Outcome) -> tuple[str, ...]:
    """The cells of one outcome; times in milliseconds."""
    load = f"{outcome.rate:g}/s offered" if outcome.rate else f"{outcome.concurrency} at a time"
    shown = [_ms(outcome.latency.get(name)) for name in ("p50", "p90", "p99", "max")]
    return load, f"{outcome.rps:,.0f}", *shown, batch(outcome), str(outcome.failed)


def batch(outcome: Outcome) -> str:
    """The mean size of the batches that requests ran in, and the largest; a dash where the service tells none."""
    total = sum(outcome.batches.values())
    if not total:
        return "-"
    mean = sum(size * count for size, count in outcome.batches.items()) / total
    return f"{mean:.1f} (max {max(outcome.batches)})"


def _series(measured: Measured, series: Series) -> str:
    ratios = [measured.ratio(series, outcome) for outcome in series.outcomes]
    rows = [row(outcome) for outcome in series.outcomes]
    if any(ratio is not None for ratio in ratios):
        rows = [(*cells, f"{ratio:.1f} x" if ratio else "-") for cells, ratio in zip(rows, ratios, strict=True)]
        return f"{series.label}\n" + table((*HEAD, f"VS {(measured.base or '').upper()}"), rows)
    return f"{series.label}\n" + table(HEAD, rows)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"
