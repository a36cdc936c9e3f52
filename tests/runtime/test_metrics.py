"""The numbers that the service tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright_runtime.metrics import Metrics, gpu_memory, observe_with_opentelemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from scorewright_runtime import Request, Service


def value(text: str, line: str) -> float:
    """The number on the line that begins so."""
    return float(next(row.rsplit(" ", 1)[1] for row in text.splitlines() if row.startswith(line)))


def test_requests_calls_and_rows_are_counted(digits: Service, post: Callable[..., Request]) -> None:
    for body in (b'{"data": [[1, 2, 3, 4], [5, 6, 7, 8]]}', b"", b""):
        digits.answer(post(body))
    text = digits.metrics_reply().body.decode()
    assert value(text, 'scorewright_requests_total{code="200"}') == 1
    assert value(text, 'scorewright_requests_total{code="400"}') == 2
    assert value(text, 'scorewright_batch_rows_bucket{le="1"}') == 0
    assert value(text, 'scorewright_batch_rows_bucket{le="2"}') == 1
    assert value(text, "scorewright_batch_rows_sum") == 2
    assert value(text, "scorewright_request_seconds_count") == 3
    assert 'device="cpu"' in text


def test_every_line_is_of_the_text_format(digits: Service) -> None:
    for line in digits.metrics_reply().body.decode().splitlines():
        if not line.startswith("# "):
            name, number = line.rsplit(" ", 1)
            assert name.startswith("scorewright_")
            float(number)


def test_labels_are_escaped() -> None:
    text = Metrics().text({"device": 'a "b"\\\n'})
    assert 'scorewright_info{device="a \\"b\\"\\\\\\n"} 1' in text


def test_gpu_memory_is_unknown_without_a_gpu() -> None:
    assert gpu_memory() is None


def test_opentelemetry_observes_only_where_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert not observe_with_opentelemetry(Metrics())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert observe_with_opentelemetry(Metrics())


def test_what_opentelemetry_reads_are_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry import metrics as api
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(api, "get_meter", provider.get_meter)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "digits")
    metrics = Metrics()
    assert observe_with_opentelemetry(metrics)
    metrics.answered(200, 0.1)
    metrics.called(4, 0.1)
    data = reader.get_metrics_data()
    assert data is not None
    seen = {
        metric.name: [point.value for point in metric.data.data_points]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    provider.shutdown()
    assert seen == {"scorewright.requests": [1], "scorewright.rows": [4], "scorewright.model_calls": [1]}
