"""What is measured: one load after the other, and all outcomes together."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .process import put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .load import Load, Outcome
    from .suggest import Suggestion

OWN_LIMIT = 0.9
"""Share of its core from which the generator may be what limits a closed loop."""
LAG_LIMIT = 1.0
"""Milliseconds by which the generator may be late in an open loop."""


@dataclass(frozen=True)
class Series:
    """Outcomes of loads that differ in concurrency or rate alone."""

    label: str
    outcomes: tuple[Outcome, ...]

    @property
    def best(self) -> Outcome:
        """The one with the most answers a second."""
        return max(self.outcomes, key=lambda outcome: outcome.rps)


@dataclass(frozen=True)
class Measured:
    """A whole run. ``base``: the series that others are compared with, by label; None without a comparison."""

    service: str
    where: str
    series: tuple[Series, ...]
    base: str | None = None
    suggestion: Suggestion | None = None
    machine: str = field(default_factory=lambda: describe_machine())
    at: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader must know before believing the numbers."""
        return tuple(
            dict.fromkeys(f"{one.label}: {text}" for one in self.series for o in one.outcomes for text in doubts(o))
        )

    def ratio(self, series: Series, outcome: Outcome) -> float | None:
        """Answers a second as a multiple of the base's under the same load."""
        if self.base is None or series.label == self.base:
            return None
        base = next(one for one in self.series if one.label == self.base)
        for other in base.outcomes:
            if (other.concurrency, other.rate, other.rows) == (outcome.concurrency, outcome.rate, outcome.rows):
                return outcome.rps / other.rps if other.rps else None
        return None

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for ``--output json``."""
        return {
            "service": self.service,
            "where": self.where,
            "machine": self.machine,
            "at": self.at,
            "base": self.base,
            "series": [self._series(one) for one in self.series],
            "warnings": list(self.warnings),
            "suggestion": self.suggestion.to_dict() if self.suggestion else None,
        }

    def _series(self, series: Series) -> dict[str, Any]:
        outcomes = [{**outcome.to_dict(), "ratio": self.ratio(series, outcome)} for outcome in series.outcomes]
        return {"label": series.label, "outcomes": outcomes}


@dataclass(frozen=True)
class Planned:
    """A series to measure."""

    label: str
    loads: Sequence[Load]


def sweep(planned: Sequence[Planned], on_outcome: Callable[[str, Outcome], object]) -> tuple[Series, ...]:
    """Measure all series, their loads in turn so that a busy moment hits all alike. ``on_outcome``: told of each."""
    found: dict[str, list[Outcome]] = {one.label: [] for one in planned}
    for label, load in _in_turn(planned):
        outcome = put(load)
        on_outcome(label, outcome)
        found[label].append(outcome)
    return tuple(Series(label, tuple(outcomes)) for label, outcomes in found.items())


def _in_turn(planned: Sequence[Planned]) -> Iterator[tuple[str, Load]]:
    for index in range(max(len(one.loads) for one in planned)):
        for one in planned:
            if index < len(one.loads):
                yield one.label, one.loads[index]


def doubts(outcome: Outcome) -> Iterator[str]:
    """Why an outcome may not be what it seems."""
    where = f"at {outcome.rate:g}/s" if outcome.rate else f"at concurrency {outcome.concurrency}"
    if outcome.rate is None and outcome.own_cpu > OWN_LIMIT:
        yield f"{where} the load generator used {outcome.own_cpu:.0%} of its core: the service may be faster than shown"
    if outcome.rate is not None and outcome.lag > LAG_LIMIT:
        yield f"{where} the load generator was up to {outcome.lag:.1f} ms late, which is part of the times shown"
    if outcome.failed:
        kinds = ", ".join(f"{count} x {kind}" for kind, count in outcome.failures.items())
        yield f"{where} {outcome.failed} requests failed: {kinds}"


def describe_machine() -> str:
    """The machine that the load comes from, in a line."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), name)
    except OSError:
        pass  # not Linux
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
