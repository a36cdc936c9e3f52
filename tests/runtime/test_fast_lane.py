"""The fast lane keeps the stock server's contract: every request gets the same from both."""

from __future__ import annotations

import http.client
import io
import itertools
import json
import signal
import socket
import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from tests.runtime.malformed import MIB, malformed
from tests.runtime.server import Response, Server, launch
from tests.runtime.support import signature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS = signature_of(x=("float32", [None, 4]))
BODY = b'{"data": [[1, 2, 3, 4], [5, 6, 7, 8]]}'
LANE = {"GUNICORN_CMD_ARGS": "--pythonpath bundle -k scorewright_runtime.lane.Worker --keep-alive 75"}
LIMIT = {"SCOREWRIGHT_MAX_BODY_BYTES": str(2 * MIB)}
BATCHING = {"max_batch_size": 32, "max_delay_ms": 2}


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the fast lane."""
    folder = tmp_path_factory.mktemp("fast")
    running = launch(folder, ROWS, {**LANE, **LIMIT}, lane="fast", batching=BATCHING)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same service on the stock lane."""
    running = launch(tmp_path_factory.mktemp("stock"), ROWS, LIMIT, batching=BATCHING)
    yield running
    running.stop()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers of one's own: ``serve(variables, seconds=0.0, **config)``."""
    running: list[Server] = []

    def make(variables: dict[str, str], seconds: float = 0.0, **config: object) -> Server:
        folder = tmp_path / str(len(running))
        folder.mkdir()
        changes = {"lane": "fast", "batching": BATCHING, **config}
        running.append(launch(folder, ROWS, {**LANE, **variables}, seconds, **changes))
        return running[-1]

    yield make
    for server in running:
        server.stop()


class Case(NamedTuple):
    """A request that both lanes must answer alike."""

    name: str
    method: str = "POST"
    path: str = "/score"
    body: bytes | None = BODY
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


def npy() -> bytes:
    """An npy body."""
    buffer = io.BytesIO()
    np.save(buffer, np.ones((3, 4), np.float32))
    return buffer.getvalue()


V2 = json.dumps({"id": "7", "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})
JSON = {"content-type": "application/json"}
CASES = [
    Case("data", headers=JSON),
    Case("no-type"),
    Case("inputs", body=b'{"inputs": {"x": [[1, 2, 3, 4]]}}', headers=JSON),
    Case("v2", body=V2.encode(), headers=JSON),
    Case("npy", body=npy(), headers={"content-type": "application/x-npy", "accept": "application/x-npz"}),
    Case("query", path="/score?verbose=1", headers=JSON),
    Case("failing", body=b'{"data": [[666, 0, 0, 0]]}', headers=JSON),
    Case("request-id", headers={**JSON, "x-request-id": "r" * 100}),
    Case("long-request-id", headers={**JSON, "x-request-id": "r" * 101}),
    Case("client-id", headers={**JSON, "x-ms-client-request-id": "c1"}),
    Case("long-client-id", headers={**JSON, "x-ms-client-request-id": "c" * 101}),
    Case("legacy-id", headers={**JSON, "x-ms-request-id": "old"}),
    Case("trace", headers={**JSON, "TraceId": "t1"}),
    Case("empty", body=b"", headers=JSON),
    Case("get", "GET", body=None),
    Case("head", "HEAD", body=None),
    Case("options", "OPTIONS", body=None),
    Case("put", "PUT"),
    Case("health", "GET", "/", None),
    Case("post-health", "POST", "/"),
    Case("swagger", "GET", "/swagger.json", None),
    Case("swagger-3", "GET", "/swagger.json?version=3", None),
    Case("not-found", "GET", "/nowhere", None),
    Case("slash", path="/score/", headers=JSON),
    *[Case(case.name, body=case.body, headers=case.headers) for case in malformed(ROWS) if len(case.body) < 10_000],
]
OWN = {"x-scorewright-lane", "date", "connection", "keep-alive", "x-ms-run-fn-exec-ms"}
"""Headers that may differ."""


def comparable(response: Response) -> tuple[int, dict[str, str], bytes]:
    """A response without what may differ; ids that the server makes are as good as each other."""
    headers = {name: value for name, value in response.headers.items() if name not in OWN}
    for name in ("x-request-id", "x-ms-request-id"):
        if len(headers.get(name, "")) == 36:
            headers[name] = "made up"
    body = response.body
    if headers.get("content-type") == "application/json" and response.status == 200:
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    return response.status, headers, body


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_lanes_answer_alike(case: Case, fast: Server, stock: Server) -> None:
    _, method, path, body, headers = case
    ours, theirs = (server.request(method, path, body, headers) for server in (fast, stock))
    assert comparable(ours) == comparable(theirs)
    assert ("x-ms-run-fn-exec-ms" in ours.headers) == ("x-ms-run-fn-exec-ms" in theirs.headers)


def test_the_header_tells_the_lane(fast: Server, stock: Server) -> None:
    assert fast.score(BODY).headers["x-scorewright-lane"] == "fast"
    assert stock.score(BODY).headers["x-scorewright-lane"] == "stock"


def test_the_malformed_corpus_through_the_lane(fast: Server) -> None:
    for case in malformed(ROWS):
        response = fast.request("POST", "/score", case.body, case.headers)
        error = json.loads(response.body)["error"]
        assert (response.status, error["code"]) == (case.status, case.code), case.name
    assert fast.score(BODY).status == 200


def test_bodies_beyond_the_limit_are_refused(fast: Server) -> None:
    assert fast.score(BODY + b" " * (3 * MIB)).status == 413
    with socket.create_connection(("127.0.0.1", fast.port), timeout=30) as sock:
        sock.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(3):
            sock.sendall(b"%x\r\n" % MIB + b" " * MIB + b"\r\n")
        sock.sendall(b"0\r\n\r\n")
        assert b" 413 " in sock.recv(100)


def test_metrics_count_what_was_answered(fast: Server) -> None:
    def count() -> int:
        text = fast.request("GET", "/metrics").body.decode()
        return int(text.split('scorewright_requests_total{code="200"} ')[1].split()[0])

    fast.score(BODY)
    before = count()
    fast.score(BODY)
    assert count() == before + 1


def ask_all(server: Server, values: list[int]) -> dict[int, Response]:
    """Ask for each value from a thread of its own, all at a time."""
    answers: dict[int, Response] = {}

    def ask(value: int) -> None:
        answers[value] = server.score(json.dumps({"data": [[value, 0, 0, 0]]}).encode())

    threads = [threading.Thread(target=ask, args=[value]) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


@pytest.mark.parametrize(
    "variables", [LANE, {"GUNICORN_CMD_ARGS": "--worker-class gthread --threads 40"}], ids=["fast", "gthread"]
)
def test_requests_that_wait_together_run_together(variables: dict[str, str], serve: Callable[..., Server]) -> None:
    server = serve(variables, seconds=0.05)
    answers = ask_all(server, [*range(1, 40), 666])
    assert answers.pop(666).status == 500
    for value, response in answers.items():
        assert (response.status, json.loads(response.body)) == (200, [[2.0 * value, 0, 0, 0]])
    assert max(int(response.headers["x-scorewright-batch"]) for response in answers.values()) > 1


@pytest.mark.parametrize(
    "variables",
    [
        LANE,
        {**LANE, "WORKER_COUNT": "2"},
        {"GUNICORN_CMD_ARGS": "--worker-class gthread --threads 4"},
        {"GUNICORN_CMD_ARGS": "--worker-class sync", "SCORING_TIMEOUT_MS": "200"},
    ],
    ids=["fast", "two fast", "gthread", "sync"],
)
def test_requests_that_take_too_long_get_a_504_and_the_worker_lives_on(
    variables: dict[str, str], serve: Callable[..., Server]
) -> None:
    server = serve(variables, seconds=0.6, timeout_ms=200)
    worker = server.score(BODY)
    assert (worker.status, json.loads(worker.body)["error"]["code"]) == (504, "SW1532")
    assert server.request("GET", "/").status == 200


def test_a_graceful_stop_answers_what_it_has_taken(serve: Callable[..., Server]) -> None:
    server = serve({}, seconds=0.5)
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(server.score(BODY).status))
    thread.start()
    while "scorewright_request" not in server.request("GET", "/metrics").body.decode() or not _busy(server):
        pass
    server.process.send_signal(signal.SIGTERM)
    thread.join(30)
    assert answers == [200]
    assert server.process.wait(20) == 0


def _busy(server: Server) -> bool:
    """Whether the model has been given a request."""
    text = server.request("GET", "/metrics").body.decode()
    return "scorewright_queue_seconds_count 1" in text


def test_a_stop_under_load_loses_no_request(serve: Callable[..., Server]) -> None:
    server = serve({})
    under_way = threading.Barrier(9)
    lost: list[Exception] = []

    def ask() -> None:
        """Keep asking on a connection until the server ends it; nothing that was sent may stay unanswered."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for count in itertools.count():
            if count == 20:
                under_way.wait(30)
            try:
                connection.request("POST", "/score", BODY)
                response = connection.getresponse()
                response.read()
            except OSError as error:
                lost.append(error)
                return
            if response.getheader("connection") == "close":
                return

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    under_way.wait(30)
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(30)
    assert lost == []
    assert server.process.wait(20) == 0


def test_slow_clients_hold_up_nobody(serve: Callable[..., Server]) -> None:
    server = serve({}, timeout_ms=300)
    head = b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(50)]
    for sock in slow:
        sock.sendall(head)
    assert server.score(BODY).status == 200
    assert b" 408 " in slow[0].recv(100)
    for sock in slow:
        sock.close()
    assert server.score(BODY).status == 200


@pytest.mark.parametrize("variables", [{"AML_CORS_ORIGINS": "*"}], ids=["cors"])
def test_what_only_the_servers_own_path_does_turns_the_lane_off(
    variables: dict[str, str], serve: Callable[..., Server]
) -> None:
    server = serve(variables)
    response = server.score(BODY)
    assert (response.status, response.headers["x-scorewright-lane"]) == (200, "stock")
    assert "SW1534: the fast lane is off: AML_CORS_ORIGINS" in server.log.read_text()


def test_a_lane_that_cannot_be_loaded_leaves_the_stock_worker(serve: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "uvicorn_worker.py").write_text("raise ImportError('changed beyond recognition')")
    server = serve({"PYTHONPATH": str(tmp_path)})
    response = server.score(BODY)
    assert (response.status, response.headers["x-scorewright-lane"]) == (200, "stock")
    assert "SW1534" in server.log.read_text()
    assert "changed beyond recognition" in server.log.read_text()
