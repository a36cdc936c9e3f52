"""How many replicas a rate needs."""

from __future__ import annotations

import pytest
from tests.core.bench.conftest import Serve, response

from scorewright.bench.load import Load, Outcome
from scorewright.bench.suggest import suggest
from scorewright.bench.sweep import Series
from scorewright.errors import DeploymentError


def outcome(concurrency: int, rps: float, p99: float) -> Outcome:
    latency = {"p50": p99 / 2, "p90": p99, "p99": p99, "max": p99}
    return Outcome(concurrency, None, 1, int(rps), 1.0, rps, latency, {}, {}, {}, 0.1)


async def batched(body: bytes) -> bytes:
    return response(body, "200 OK", "x-scorewright-batch: 5")


def test_the_fastest_load_within_the_limit_is_proven_and_shared_out(serve: Serve) -> None:
    series = Series("json", (outcome(1, 50, 5), outcome(8, 200, 40_000), outcome(64, 900, 90_000)))
    with serve(batched) as served:
        found = suggest(
            "digits", series, Load(served.uri, (b"[1]",), seconds=0.3, warmup=0.1), rate=1000, p99=50_000, replicas=2
        )
    assert found.per_replica == pytest.approx(0.75 * 200 / 2)
    assert found.replicas == 14  # 1000 / 75, rounded up
    assert found.proof.rate == pytest.approx(150)
    assert found.proof.failed == 0
    assert found.max_batch_size == 16
    assert found.yaml().startswith("services:\n  digits:\n    replicas: 14\n    batching:\n      max_batch_size: 16\n")
    assert found.to_dict()["yaml"] == found.yaml()


def test_one_replica_does_where_it_carries_the_whole_rate(serve: Serve) -> None:
    with serve(batched) as served:
        load = Load(served.uri, (b"[1]",), seconds=0.3, warmup=0.1)
        found = suggest("digits", Series("json", (outcome(8, 5000, 5),)), load, rate=100, p99=50_000)
    assert (found.replicas, found.per_replica) == (1, 100)


def test_a_limit_that_no_load_kept_cannot_be_kept_by_more_replicas() -> None:
    with pytest.raises(DeploymentError, match="cannot be kept") as caught:
        suggest("digits", Series("json", (outcome(1, 10, 100),)), Load("", (b"",)), rate=1000, p99=50)
    assert caught.value.code == "SW1805"
    assert "100.0 ms" in str(caught.value.cause)


def test_a_limit_that_no_proof_keeps_is_refused(serve: Serve) -> None:
    with serve(batched) as served:
        load = Load(served.uri, (b"[1]",), seconds=0.1, warmup=0.0)
        with pytest.raises(DeploymentError, match="cannot be kept"):
            suggest("digits", Series("json", (outcome(1, 40, 1e-4),)), load, rate=1000, p99=0.001)
