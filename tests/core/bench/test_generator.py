"""What the load generator counts, against a server that does what it is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.core.bench.conftest import Serve, response

from scorewright.bench.generator import Refused, measure
from scorewright.bench.load import Load, Outcome
from scorewright.bench.process import put
from scorewright.errors import DeploymentError

QUICK = Load("", (b"[1]", b"[2]"), seconds=0.3, warmup=0.05, timeout=5.0)


async def echo(body: bytes) -> bytes:
    return response(body, "200 OK", "x-scorewright-batch: 3", "x-scorewright-device: cpu")


def run(load: Load) -> Outcome:
    return asyncio.run(measure(load))


def test_every_answer_is_counted_once(serve: Serve) -> None:
    with serve(echo) as served:
        outcome = run(replace(QUICK, uri=served.uri, concurrency=4))
    assert outcome.failed == 0
    assert 0 < outcome.requests <= len(served.requests)
    assert outcome.rps == pytest.approx(outcome.requests / outcome.seconds)
    assert sum(outcome.batches.values()) >= outcome.requests - 4
    assert set(outcome.batches) == {3}
    assert outcome.told["device"] == "cpu"
    assert outcome.latency["p50"] <= outcome.latency["p99"] <= outcome.latency["max"]
    assert served.connections == 4


def test_the_process_tells_the_same_as_plain_values(serve: Serve) -> None:
    with serve(echo) as served:
        outcome = put(replace(QUICK, uri=served.uri))
    assert outcome.requests > 0
    assert outcome.own_cpu > 0
    assert Outcome.from_dict(outcome.to_dict()) == outcome


def test_bodies_are_sent_in_turn(serve: Serve) -> None:
    with serve(echo) as served:
        run(replace(QUICK, uri=served.uri, concurrency=2))
    assert abs(served.requests.count(b"[1]") - served.requests.count(b"[2]")) <= 2


def test_a_new_connection_for_each_request_where_that_is_asked_for(serve: Serve) -> None:
    with serve(echo) as served:
        outcome = run(replace(QUICK, uri=served.uri, concurrency=3, keep_alive=False))
    assert outcome.failed == 0
    assert served.connections == len(served.requests)


def test_no_more_requests_are_sent_than_allowed(serve: Serve) -> None:
    with serve(echo) as served:
        outcome = run(replace(QUICK, uri=served.uri, seconds=30.0, warmup=0.0, most=20, concurrency=2))
    assert len(served.requests) == 22  # the two that the answers are learned from
    assert outcome.seconds < 20
    assert outcome.requests == 20


def test_answers_given_to_the_wrong_caller_are_noticed(serve: Serve) -> None:
    seen = 0

    async def mixed_up(body: bytes) -> bytes:
        nonlocal seen
        seen += 1
        return response(b"[9]" if seen == 5 else body)

    with serve(mixed_up) as served:
        outcome = run(replace(QUICK, uri=served.uri, warmup=0.0))
    assert outcome.failures == {"wrong answer": 1}


def test_last_digits_may_differ(serve: Serve) -> None:
    seen = 0

    async def drifting(body: bytes) -> bytes:
        nonlocal seen
        seen += 1
        return response(b"[0.50000%d]" % (seen % 7))

    with serve(drifting) as served:
        assert run(replace(QUICK, uri=served.uri)).failed == 0


def test_unchecked_answers_may_differ(serve: Serve) -> None:
    seen = 0

    async def counting(body: bytes) -> bytes:
        nonlocal seen
        seen += 1
        return response(b"%d" % seen)

    with serve(counting) as served:
        assert run(replace(QUICK, uri=served.uri, check=False)).failed == 0


def test_refusals_and_broken_connections_count_as_failed_and_not_as_throughput(serve: Serve) -> None:
    seen = 0

    async def failing(body: bytes) -> bytes:
        nonlocal seen
        seen += 1
        if seen == 4:
            return response(b"busy", "503 Service Unavailable")
        return b"" if seen == 6 else response(body)

    with serve(failing) as served:
        outcome = run(replace(QUICK, uri=served.uri, warmup=0.0))
    assert outcome.failures == {"status 503": 1, "connection closed": 1}
    assert outcome.requests > 0


def test_a_stall_shows_in_every_request_that_was_due_meanwhile(serve: Serve) -> None:
    seen = 0

    async def stalling(body: bytes) -> bytes:
        nonlocal seen
        seen += 1
        if seen == 40:
            await asyncio.sleep(0.5)
        return response(body)

    with serve(stalling) as served:
        outcome = run(replace(QUICK, uri=served.uri, rate=200.0, seconds=1.0, warmup=0.0, concurrency=1))
    # a tenth of the requests were due in the stall's first 0.2 s, so they waited for more than 0.3 s
    assert outcome.latency["p90"] > 300
    assert outcome.failed == 0


def test_what_is_never_answered_counts_with_the_time_that_it_waited(serve: Serve) -> None:
    seen = 0

    async def hanging(body: bytes) -> bytes:
        nonlocal seen
        seen += 1
        if seen > 5:
            await asyncio.sleep(60)
        return response(body)

    with serve(hanging) as served:
        outcome = run(replace(QUICK, uri=served.uri, rate=100.0, warmup=0.0, timeout=0.5, concurrency=2))
    assert outcome.failures.get("unanswered", 0) + outcome.failures.get("timeout", 0) > 10
    assert outcome.latency["max"] > 200


def test_nothing_is_measured_where_the_first_request_is_refused(serve: Serve) -> None:
    async def refusing(body: bytes) -> bytes:
        return response(b'{"error": {"code": "SW1512", "message": "no"}}', "400 Bad Request")

    with serve(refusing) as served:
        with pytest.raises(Refused, match="status 400"):
            run(replace(QUICK, uri=served.uri))
        with pytest.raises(DeploymentError) as caught:
            put(replace(QUICK, uri=served.uri))
    assert caught.value.code == "SW1800"
    assert "SW1512" in str(caught.value.cause)


def test_nothing_is_measured_where_nobody_listens() -> None:
    with pytest.raises(Refused, match="cannot connect"):
        run(replace(QUICK, uri="http://127.0.0.1:9"))
