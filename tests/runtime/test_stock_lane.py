"""The service inside Azure's real inference server, as an ordinary score script."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
from typing import TYPE_CHECKING

import pytest
from tests.runtime.malformed import MIB, malformed
from tests.runtime.server import Server, launch
from tests.runtime.support import signature_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = signature_of(x=("float32", [None, 4]))
BODY = b'{"data": [[1, 2, 3, 4], [5, 6, 7, 8]]}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes bodies of up to 2 MiB."""
    running = launch(tmp_path_factory.mktemp("stock"), ROWS, {"SCOREWRIGHT_MAX_BODY_BYTES": str(2 * MIB)})
    yield running
    running.stop()


def test_the_tutorials_request_is_answered(server: Server) -> None:
    response = server.score(json.dumps({"data": [[1.0, 2.0, 3.0, 4.0]]}).encode())
    assert (response.status, json.loads(response.body)) == (200, [[2.0, 4.0, 6.0, 8.0]])
    assert response.headers["content-type"] == "application/json"


def test_our_headers_come_beside_the_servers(server: Server) -> None:
    headers = server.score(BODY, x_ms_client_request_id="abc").headers
    assert headers["x-scorewright-model"] == "digits:3"
    assert headers["x-scorewright-batch"] == "2"
    assert headers["x-ms-client-request-id"] == "abc"
    assert "x-request-id" in headers
    assert "x-ms-run-fn-exec-ms" in headers
    assert headers["x-ms-server-version"].startswith("azmlinfsrv/")


def test_bodies_without_a_type_and_compressed_ones(server: Server) -> None:
    assert server.score(BODY, None).status == 200
    assert server.score(gzip.compress(BODY), content_encoding="gzip").status == 200


def test_methods_and_health(server: Server) -> None:
    assert server.request("GET", "/").body == b"Healthy"
    assert server.request("OPTIONS").status == 200
    refused = server.request("GET")
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (405, "SW1523")


def test_a_failing_model_is_a_marked_500_and_the_service_lives_on(server: Server) -> None:
    response = server.score(b'{"data": [[666, 0, 0, 0]]}')
    assert (response.status, json.loads(response.body)["error"]["code"]) == (500, "SW1530")
    assert response.headers["x-ms-run-function-failed"] == "True"
    assert "the number of the beast" in server.log.read_text()
    assert server.score(BODY).status == 200


def test_the_malformed_corpus_over_http(server: Server) -> None:
    for case in malformed(ROWS):
        response = server.request("POST", "/score", case.body, case.headers)
        error = json.loads(response.body)["error"]
        assert (response.status, error["code"]) == (case.status, case.code), case.name
    assert server.score(BODY).status == 200
    assert server.process.poll() is None


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(server: Server) -> None:
    response = server.score(BODY + b" " * (3 * MIB))
    assert (response.status, json.loads(response.body)["error"]["code"]) == (413, "SW1514")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(3):
            sock.sendall(b"%x\r\n" % MIB + b" " * MIB + b"\r\n")
        sock.sendall(b"0\r\n\r\n")
        assert b" 413 " in sock.recv(100)


def test_large_bodies_come_whole_on_a_connection_that_stays_open(tmp_path: Path) -> None:
    server = launch(tmp_path, ROWS, {"GUNICORN_CMD_ARGS": "-k gthread --threads 2 --keep-alive 75"})
    try:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
            for count in (200_000, 1, 300_000):
                rows = [[number, 0, 0, 1] for number in range(1000, 1000 + count)]
                connection.request("POST", "/score", json.dumps({"data": rows}), {"content-type": "application/json"})
                answer = connection.getresponse()
                assert json.loads(answer.read())[count // 2] == [2.0 * (1000 + count // 2), 0.0, 0.0, 2.0]
                assert answer.getheader("connection") != "close"
    finally:
        server.stop()


def test_the_log_has_no_line_per_request(server: Server) -> None:
    before = server.log.stat().st_size
    for _ in range(5):
        server.score(BODY)
    assert server.log.stat().st_size == before


def test_a_service_that_cannot_start_says_why(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("dead")
    server = launch(folder, ROWS, {}, gpu="require", gpu_explicit=True)
    assert server.process.wait(10) == 3
    assert "SW1501: `gpu: require`, but the loaded model runs on cpu" in server.log.read_text()


def test_the_servers_own_time_out_is_a_504(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("slow")
    server = launch(folder, ROWS, {"SCORING_TIMEOUT_MS": "300"}, seconds=1.0, timeout_ms=300)
    try:
        response = server.score(BODY)
        assert (response.status, json.loads(response.body)["error"]["code"]) == (504, "SW1532")
    finally:
        server.stop()


@pytest.mark.parametrize(("wanted", "lines"), [("", 0), ("1", 1)], ids=["quiet", "asked-for"])
def test_the_line_for_each_request_comes_where_it_is_asked_for(tmp_path: Path, wanted: str, lines: int) -> None:
    logger = "-k gthread --threads 2 --pythonpath bundle --logger-class scorewright_runtime.accesslog.Logger"
    server = launch(tmp_path, ROWS, {"GUNICORN_CMD_ARGS": logger, "SCOREWRIGHT_ACCESS_LOG": wanted})
    assert server.score(BODY).status == 200
    server.stop()
    assert server.log.read_text().count('"POST /score HTTP/1.1" 200') == lines
