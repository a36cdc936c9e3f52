"""What the service has done, counted on the way at the cost of a few additions, and told on demand.

``GET /metrics`` answers in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). Each
worker process counts for itself. Where the environment configures OpenTelemetry, the same numbers are observed through
its API.
"""

from __future__ import annotations

import bisect
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


class Histogram:
    """How often values fell up to each bound. ``observe`` is called by one thread at a time."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str) -> Iterable[str]:
        """The histogram in the text format."""
        total = 0
        for bound, count in zip(self.bounds, self.counts):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        total += self.counts[-1]
        yield f'{name}_bucket{{le="+Inf"}} {total}'
        yield f"{name}_sum {self.sum}"
        yield f"{name}_count {total}"


class Metrics:
    """The numbers of one worker process."""

    def __init__(self) -> None:
        self.requests: dict[int, int] = {}
        self.latency = Histogram(_SECONDS)
        self.queue = Histogram(_SECONDS)
        self.model = Histogram(_SECONDS)
        self.rows = Histogram(_ROWS)
        self.waiting = 0
        self._lock = threading.Lock()

    def answered(self, status: int, seconds: float) -> None:
        """A request got its reply; ``seconds`` since its body was there."""
        with self._lock:
            self.requests[status] = self.requests.get(status, 0) + 1
            self.latency.observe(seconds)

    def called(self, rows: int, seconds: float) -> None:
        """The model ran once."""
        with self._lock:
            self.rows.observe(rows)
            self.model.observe(seconds)

    def queued(self, seconds: float) -> None:
        """A request has waited for the model. Called by the batcher's thread alone."""
        self.queue.observe(seconds)

    def text(self, labels: Mapping[str, str]) -> str:
        """All of it in Prometheus' format. ``labels``: of the line that tells what is served."""
        told = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
        lines = [*_head("info", "gauge", "What is served, and where."), f"scorewright_info{{{told}}} 1"]
        lines += _head("requests_total", "counter", "Requests answered, by status.")
        lines += [f'scorewright_requests_total{{code="{code}"}} {n}' for code, n in sorted(self.requests.items())]
        for name, help, histogram in self._histograms():
            lines += _head(name, "histogram", help)
            lines += histogram.lines(f"scorewright_{name}")
        lines += [
            *_head("waiting", "gauge", "Requests that wait for the model."),
            f"scorewright_waiting {self.waiting}",
        ]
        memory = gpu_memory()
        if memory is not None:
            lines += _head("gpu_memory_bytes", "gauge", "GPU memory that the framework holds.")
            lines.append(f"scorewright_gpu_memory_bytes {memory}")
        return "\n".join(lines) + "\n"

    def _histograms(self) -> list[tuple[str, str, Histogram]]:
        return [
            ("request_seconds", "From body to reply.", self.latency),
            ("queue_seconds", "Wait for the model.", self.queue),
            ("model_seconds", "One call of the model.", self.model),
            ("batch_rows", "Rows in one call of the model.", self.rows),
        ]


def gpu_memory() -> int | None:
    """Bytes that the loaded framework holds on its first GPU, None where that is unknown."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.memory_reserved())
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and tensorflow.config.list_physical_devices("GPU"):
        return int(tensorflow.config.experimental.get_memory_info("GPU:0")["current"])
    return None


def observe_with_opentelemetry(metrics: Metrics) -> bool:
    """Let OpenTelemetry read the numbers, where an ``OTEL_…`` variable configures it and its API is installed.

    It asks when it exports; no request waits for it. Returns whether it will.
    """
    if not any(name.startswith("OTEL_") for name in os.environ):
        return False
    try:
        from opentelemetry import metrics as api
    except ImportError:
        return False
    meter = api.get_meter("scorewright")

    def requests(options: object) -> Iterable[Any]:
        return [api.Observation(count, {"code": code}) for code, count in list(metrics.requests.items())]

    def rows(options: object) -> Iterable[Any]:
        return [api.Observation(int(metrics.rows.sum))]

    def calls(options: object) -> Iterable[Any]:
        return [api.Observation(sum(metrics.rows.counts))]

    meter.create_observable_counter("scorewright.requests", [requests], description="Requests answered.")
    meter.create_observable_counter("scorewright.rows", [rows], description="Rows that the model has seen.")
    meter.create_observable_counter("scorewright.model_calls", [calls], description="Calls of the model.")
    return True


def _head(name: str, kind: str, help: str) -> list[str]:
    return [f"# HELP scorewright_{name} {help}", f"# TYPE scorewright_{name} {kind}"]


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
