"""Callers who would take more than their share, by what they send or by what they do not, in both lanes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.runtime.server import Server, launch
from tests.runtime.test_protocol import HEAD, LANE, ROWS, ask, first, read, resident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STOCK = {"GUNICORN_CMD_ARGS": "--pythonpath bundle -k gthread --threads 4 --keep-alive 75", "MALLOC_ARENA_MAX": "1"}
GOOD = b'{"data": [[1, 2, 3, 4]]}'
MIB = 1 << 20


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = launch(tmp_path_factory.mktemp("fast"), ROWS, LANE, lane="fast", timeout_ms=5000)
    yield running
    running.stop()


@pytest.fixture
def connect(fast: Server) -> Iterator[Callable[[], socket.socket]]:
    """Opens connections to the fast lane."""
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(socket.create_connection(("127.0.0.1", fast.port), timeout=30))


def served(folder: Path, variables: dict[str, str], timeout_ms: int) -> Server:
    """A server of a test's own."""
    return launch(folder, ROWS, variables, lane="stock" if variables is STOCK else "fast", timeout_ms=timeout_ms)


def test_who_sends_ahead_without_end_is_read_no_further(connect: Callable[[], socket.socket], fast: Server) -> None:
    sock, requests, before = connect(), ask(1) * 1000, resident(fast)

    def swallow() -> None:
        with contextlib.suppress(OSError):
            while sock.recv(MIB):
                pass

    threading.Thread(target=swallow, daemon=True).start()
    until, sent = time.monotonic() + 2, 0
    sock.settimeout(0.5)
    with contextlib.suppress(TimeoutError):  # it waits for us to have been answered
        while time.monotonic() < until and sent < 16 * MIB:
            sent += sock.send(requests)
    assert resident(fast) - before < 64 * MIB
    assert fast.score(GOOD).status == 200


def test_large_and_small_requests_sent_ahead_are_all_answered(connect: Callable[[], socket.socket]) -> None:
    sock = connect()
    values = [1, 2, 3, 4, 5, 6]
    requests = b"".join(ask(value, rows=9_000 if value % 2 else 1) for value in values)
    threading.Thread(target=sock.sendall, args=(requests,), daemon=True).start()
    assert [first(answer) for answer in read(sock, len(values))] == [2 * value for value in values]


@pytest.mark.parametrize("pieces", ["one", "two"])
@pytest.mark.parametrize("connection", ["Upgrade, HTTP2-Settings", "upgrade"])
def test_an_offer_of_another_protocol_is_not_taken_up_and_the_body_is_a_body(
    connect: Callable[[], socket.socket], connection: str, pieces: str
) -> None:
    offer = f"connection: {connection}\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    head, _, body = ask(3, extra=offer).partition(b"\r\n\r\n")
    sock = connect()
    if pieces == "one":
        sock.sendall(head + b"\r\n\r\n" + body)
    else:
        sock.sendall(head + b"\r\n\r\n")
        time.sleep(0.05)
        sock.sendall(body)
    assert first(read(sock)[0]) == 6
    sock.sendall(ask(4))
    assert first(read(sock)[0]) == 8


def test_a_body_is_never_taken_for_a_request(connect: Callable[[], socket.socket]) -> None:
    hidden = ask(7)
    sock = connect()
    sock.sendall(HEAD.encode() + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: %d\r\n\r\n" % len(hidden))
    time.sleep(0.05)
    sock.sendall(hidden)
    ((head, body),) = read(sock)
    assert (head[:13], json.loads(body)["error"]["code"]) == (b"HTTP/1.1 400 ", "SW1511")
    sock.sendall(ask(4))
    assert first(read(sock)[0]) == 8


def test_a_tunnel_is_refused(connect: Callable[[], socket.socket]) -> None:
    sock = connect()
    sock.sendall(b"CONNECT /score HTTP/1.1\r\nhost: x\r\n\r\n" + ask(1))
    assert read(sock)[0][0].startswith(b"HTTP/1.1 400 ")
    assert sock.recv(1) == b""


@pytest.mark.parametrize("head", ["x-{}: 1\r\n", "x: {}" + "y" * 8000 + "\r\n"], ids=["many", "large"])
def test_heads_without_end_are_refused(connect: Callable[[], socket.socket], fast: Server, head: str) -> None:
    sock, before = connect(), resident(fast)
    sock.sendall(HEAD.encode())
    with contextlib.suppress(OSError):
        for number in range(8 * MIB // len(head)):
            sock.sendall(head.format(number).encode())
    grown = resident(fast) - before
    with contextlib.suppress(OSError):  # the refusal may be lost, since there was more to read
        assert sock.recv(1000)[:13] in (b"HTTP/1.1 431 ", b"")
    assert grown < 4 * MIB
    assert fast.score(GOOD).status == 200


def test_more_headers_than_the_stock_server_takes_are_refused(fast: Server) -> None:
    response = fast.request("POST", "/score", GOOD, {f"x-{number}": "1" for number in range(120)})
    assert (response.status, json.loads(response.body)["error"]["code"]) == (431, "SW1514")


def test_a_body_in_the_smallest_pieces_takes_no_more_memory(connect: Callable[[], socket.socket], fast: Server) -> None:
    sock, before = connect(), resident(fast)
    sock.sendall(HEAD.encode() + b"transfer-encoding: chunked\r\n\r\n")
    for _ in range(16):
        sock.sendall(b"2\r\n  \r\n" * 65_536)
    assert resident(fast) - before < 24 * MIB
    sock.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD))
    assert first(read(sock)[0]) == 2


def test_headers_that_come_twice_or_with_blanks_are_the_same_in_both_lanes(fast: Server, tmp_path: Path) -> None:
    stock = served(tmp_path, STOCK, 5000)
    extra = "accept: application/json;q=0.5\r\naccept: application/x-npy\r\nx-request-id: abc \r\n"
    heads = []
    for server in (fast, stock):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
            sock.sendall(ask(1, extra=extra))
            (head, body) = read(sock)[0]
            assert body.startswith(b"\x93NUMPY")
            heads.append(head.lower())
    assert all(b"x-request-id: abc\r\n" in head for head in heads)
    stock.stop()


def test_slow_callers_with_rare_headers_do_not_hold_the_health_probe(tmp_path: Path) -> None:
    server = served(tmp_path, LANE, 60_000)
    head = (HEAD + "x-ms-request-id: old\r\ncontent-length: 500\r\n\r\n{").encode()
    with contextlib.ExitStack() as opened:
        for _ in range(20):
            sock = opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            sock.sendall(head)
        assert server.request("GET", "/").body == b"Healthy"
    server.stop()


@pytest.mark.parametrize("size", [500, 900_000])
def test_stalled_bodies_do_not_hold_the_stock_lanes_threads(tmp_path: Path, size: int) -> None:
    server = served(tmp_path, STOCK, 500)
    with contextlib.ExitStack() as opened:
        stalled = []
        for _ in range(8):
            sock = opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            sock.sendall(HEAD.encode() + b"content-length: %d\r\n\r\n{" % size)
            stalled.append(sock)
        assert server.score(GOOD).status == 200
        ((head, body),) = read(stalled[0])
        assert (head[:13], json.loads(body)["error"]["code"]) == (b"HTTP/1.1 408 ", "SW1532")
    server.stop()


@pytest.mark.parametrize("chunks", [b"zz\r\n[]\r\n", b"2\r\n[]xx0\r\n\r\n"])
def test_malformed_chunks_are_a_400_in_the_stock_lane(tmp_path: Path, chunks: bytes) -> None:
    server = served(tmp_path, STOCK, 5000)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall(HEAD.encode() + b"transfer-encoding: chunked\r\n\r\n" + chunks)
        ((head, body),) = read(sock)
    assert (head[:13], json.loads(body)["error"]["code"]) == (b"HTTP/1.1 400 ", "SW1511")
    assert server.score(GOOD).status == 200
    server.stop()


@pytest.mark.parametrize("path", ["/score", "/score?x=1"])
@pytest.mark.parametrize("extra", ["", "expect: 100-continue\r\n"])
def test_who_never_sends_the_body_is_told_so(tmp_path: Path, path: str, extra: str) -> None:
    server = served(tmp_path, LANE, 500)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall((HEAD.replace("/score", path) + extra + "content-length: 24\r\n\r\n").encode())
        said = b""
        while data := sock.recv(10_000):
            said += data
    assert b"HTTP/1.1 408 " in said
    server.stop()


@pytest.mark.parametrize("variables", [LANE, STOCK], ids=["fast", "stock"])
def test_a_large_request_that_waits_does_not_turn_small_ones_away(tmp_path: Path, variables: dict[str, str]) -> None:
    lane = "stock" if variables is STOCK else "fast"
    batching = {"max_batch_size": 32, "max_delay_ms": 2.0}
    server = launch(tmp_path, ROWS, variables, 0.05, lane=lane, timeout_ms=5000, batching=batching)
    large = json.dumps({"data": [[1, 2, 3, 4]] * 3000}).encode()
    for _ in range(30):
        assert server.score(GOOD).status == 200
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(server.score(large).status)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        assert server.score(GOOD).status == 200
    for thread in threads:
        thread.join(30)
    assert found == [200] * 3
    server.stop()
