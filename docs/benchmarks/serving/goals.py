"""The goals, and whether a run meets them. Ratios are to the tutorial's recipe in the same run unless said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

PEERS = ("triton", "mlserver", "kserve", "litserve", "bentoml", "mlflow")
OURS = ("stock", "fast")


class Found:
    """The rows of a run, by contender and load; medians of the rounds."""

    def __init__(self, rows: list[Mapping[str, Any]], inprocess: Mapping[str, Any]) -> None:
        self.rows = rows
        self.inprocess = inprocess

    def median(self, contender: str, key: str, field: str = "rps") -> float | None:
        """The median of a field; None where it was not measured."""
        values = [value for row in self._of(contender, key) if (value := _field(row, field)) is not None]
        return median(values) if values else None

    def ratio(self, contender: str, key: str, field: str = "rps", *, base: str = "recipe") -> float | None:
        """The median as a multiple of the base's; a base that knows only JSON is taken with JSON."""
        own, other = self.median(contender, key, field), self.median(base, key, field)
        if other is None:
            other = self.median(base, key.replace("-f32", "-json").replace("-u8", "-json"), field)
        return own / other if own is not None and other else None

    def against_best(self, key: str) -> float | None:
        """The fast lane's rate as a multiple of the best peer's with the same body; None where a peer did not start."""
        if any("cold" in row and row["contender"] in PEERS and row["key"] == key.split("-")[0] for row in self.rows):
            return None
        others = [rate for peer in PEERS if (rate := self.median(peer, key)) is not None]
        own = self.median("fast", key)
        return own / max(others) if own is not None and others else None

    def share(self, case: str, kind: str, concurrency: int) -> float | None:
        """The fast lane's rate as a share of what the process alone could do."""
        own = self.median("fast", f"{case}-{kind}-c{concurrency}")
        alone = self.inprocess.get(case, {}).get(kind)
        return own * alone / 1e6 if own is not None and alone else None

    def parse(self, kind: str) -> float | None:
        """How many times as fast a picture is decoded as by the tutorial."""
        costs = self.inprocess.get("parse", {})
        return costs["tutorial"] / costs[kind] if costs.get(kind) else None

    def failures(self) -> float:
        """Requests to our lanes that got no right answer."""
        return float(sum(sum(row.get("failures", {}).values()) for row in self.rows if row["contender"] in OURS))

    def most(self, field: str) -> float | None:
        """The largest value of our lanes."""
        values = [value for row in self.rows if row["contender"] in OURS and (value := _field(row, field)) is not None]
        return max(values, default=None)

    def spread(self, contender: str, key: str) -> float | None:
        """p99 as a multiple of p50."""
        high, middle = self.median(contender, key, "p99"), self.median(contender, key, "p50")
        return high / middle if high is not None and middle else None

    def _of(self, contender: str, key: str) -> Iterator[Mapping[str, Any]]:
        return (row for row in self.rows if row["contender"] == contender and row["key"] == key)


def _field(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name, row.get("latency", {}).get(name))
    return None if value is None else float(value)


Value = Callable[[Found], "float | None"]


@dataclass(frozen=True)
class Goal:
    """``least``: the value must be at least the goal, else at most. ``load``: contender and load of a rate."""

    id: str
    text: str
    value: Value
    goal: float
    least: bool = True
    unit: str = "x"
    load: tuple[str, str] | None = None

    def met(self, value: float) -> bool:
        """Whether a value does."""
        return value >= self.goal if self.least else value <= self.goal

    def by_cpu(self, found: Found) -> float | None:
        """A rate's ratio by CPU time; None where the model does not compute but waits."""
        if self.load is None or self.load[1].startswith("standin"):
            return None
        ratio = found.ratio(*self.load, "cpu_us")
        return 1 / ratio if ratio else None


def rate(id: str, text: str, contender: str, key: str, goal: float) -> Goal:
    """At least so many times the recipe's rate."""
    return Goal(id, text, lambda found: found.ratio(contender, key), goal, load=(contender, key))


def below(id: str, text: str, contender: str, key: str, field: str, goal: float) -> Goal:
    """At most so many times the recipe's value."""
    return Goal(id, text, lambda found: found.ratio(contender, key, field), goal, least=False)


def best(id: str, text: str, key: str, goal: float) -> Goal:
    """At least so many times the best peer's rate."""
    return Goal(id, text, lambda found: found.against_best(key), goal)


STOCK = [
    rate("S1", "JSON, 32 callers", "stock", "mnist-json-c32", 1.4),
    rate("S2", "binary, 32 callers", "stock", "mnist-f32-c32", 1.4),
    rate("S3", "32 rows, JSON, 8 callers", "stock", "mnist-json-c8-r32", 5),
    rate("S3", "32 rows, binary, 8 callers", "stock", "mnist-f32-c8-r32", 8.5),
    rate("S4", "ResNet-18 shape, JSON, 8 callers", "stock", "resnet-json-c8", 1.9),
    rate("S4", "ResNet-18 shape, binary, 8 callers", "stock", "resnet-f32-c8", 2.2),
    rate("S4b", "picture into a nearly free model, JSON", "stock", "free-json-c8", 8),
    rate("S4b", "the same, float32", "stock", "free-f32-c8", 25),
    rate("S4b", "the same, uint8", "stock", "free-u8-c8", 55),
    rate("S5", "accelerator stand-in, 8 callers", "stock", "standin-json-c8", 3.8),
    rate("S5", "accelerator stand-in, 32 callers", "stock", "standin-json-c32", 10),
    rate("S5", "accelerator stand-in, 64 callers", "stock", "standin-json-c64", 9),
    below("S6", "accelerator stand-in, 1 caller, p50", "stock", "standin-json-c1", "p50", 1.0),
]
FAST = [
    rate("T1", "JSON, 32 callers", "fast", "mnist-json-c32", 10),
    rate("T2", "binary, 32 callers", "fast", "mnist-f32-c32", 13),
    below("T3", "JSON, 1 caller, p50", "fast", "mnist-json-c1", "p50", 0.45),
    rate("T4", "a new connection each, 32 callers", "fast", "mnist-json-c32-fresh", 2.9),
    rate("T5", "accelerator stand-in, 8 callers", "fast", "standin-json-c8", 6),
    rate("T5", "accelerator stand-in, 32 callers", "fast", "standin-json-c32", 12),
    rate("T5", "accelerator stand-in, 64 callers", "fast", "standin-json-c64", 20),
    Goal(
        "T5", "its p99 over p50, 64 callers", lambda found: found.spread("fast", "standin-json-c64"), 1.5, least=False
    ),
    rate("T6", "32 rows, JSON, 8 callers", "fast", "mnist-json-c8-r32", 8),
    rate("T6", "32 rows, binary, 8 callers", "fast", "mnist-f32-c8-r32", 20),
    rate("T6b", "picture into a nearly free model, JSON", "fast", "free-json-c8", 8),
    rate("T6b", "the same, float32", "fast", "free-f32-c8", 50),
    rate("T6b", "the same, uint8", "fast", "free-u8-c8", 100),
    best("T7", "to the best peer, JSON, 32 callers", "mnist-json-c32", 4),
    best("T7", "to the best peer, binary, 32 callers", "mnist-f32-c32", 4),
    Goal("T8", "to plain Starlette, JSON", lambda found: found.ratio("fast", "mnist-json-c32", base="starlette"), 1.8),
    Goal("T8", "to plain Starlette, binary", lambda found: found.ratio("fast", "mnist-f32-c32", base="starlette"), 1.8),
    best("T9", "to the best peer, stand-in, 8 callers", "standin-json-c8", 1.4),
    best("T9", "to the best peer, stand-in, 32 callers", "standin-json-c32", 1.4),
    best("T9", "to the best peer, stand-in, 64 callers", "standin-json-c64", 1.4),
    Goal("T10", "of the in-process rate, JSON", lambda found: found.share("mnist", "json", 32), 0.60, unit=""),
    Goal("T10", "of the in-process rate, binary", lambda found: found.share("mnist", "f32", 32), 0.45, unit=""),
    Goal("T10", "of the in-process rate, ResNet binary", lambda found: found.share("resnet", "f32", 8), 0.93, unit=""),
]
BOTH = [
    Goal("B1", "wrong answers and errors", lambda found: found.failures(), 0, least=False, unit=""),
    below("B2", "open loop, 400/s, p99, stock lane", "stock", "mnist-json-c32-open400", "p99", 0.8),
    below("B2", "open loop, 400/s, p99, fast lane", "fast", "mnist-json-c32-open400", "p99", 0.8),
    below("B3", "start to first answer, stock lane", "stock", "mnist-start", "seconds", 1.15),
    below("B3", "start to first answer, fast lane", "fast", "mnist-start", "seconds", 1.15),
    below("B4", "memory, stock lane", "stock", "mnist-memory", "mib", 1.10),
    below("B4", "memory, fast lane", "fast", "mnist-memory", "mib", 1.10),
    Goal("B5", "decoding a picture, JSON", lambda found: found.parse("json"), 12),
    Goal("B5", "decoding a picture, npy", lambda found: found.parse("f32"), 500),
    Goal("B6", "cores that a pinned server uses", lambda one: one.most("server_cpu"), 1.05, least=False, unit=""),
]
GOALS = {"The stock lane": STOCK, "The fast lane": FAST, "Both": BOTH}
