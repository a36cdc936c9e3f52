"""The short cut through uvicorn: nothing is put on the wire, or taken from it, that uvicorn itself would not."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.runtime.server import Server, launch
from tests.runtime.support import signature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS = signature_of(x=("float32", [None, 4]))
LANE = {
    "GUNICORN_CMD_ARGS": "--pythonpath bundle -k scorewright_runtime.lane.Worker --keep-alive 75",
    "MALLOC_ARENA_MAX": "1",
}
HEAD = "POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
OTHER_UVICORN = """from uvicorn.protocols.http import httptools_impl as http


class Changed(http.RequestResponseCycle):
    def __init__(self, **values):
        super().__init__(**values)


http.RequestResponseCycle = Changed
"""


@pytest.fixture(scope="module", params=["known", "changed"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The fast lane, in the uvicorn that is installed, and in one that is not the one known here."""
    folder: Path = tmp_path_factory.mktemp("server")
    (folder / "path").mkdir()
    if request.param == "changed":
        (folder / "path" / "sitecustomize.py").write_text(OTHER_UVICORN)
    running = launch(folder, ROWS, {**LANE, "PYTHONPATH": str(folder / "path")}, lane="fast", timeout_ms=3000)
    yield running
    running.stop()


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[[], socket.socket]]:
    """Opens connections to the server."""
    opened: list[socket.socket] = []

    def make() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        return opened[-1]

    yield make
    for sock in opened:
        sock.close()


def read(sock: socket.socket, answers: int = 1) -> list[tuple[bytes, bytes]]:
    """The head and the body of the next answers on a connection."""
    found: list[tuple[bytes, bytes]] = []
    with sock.makefile("rb") as stream:
        while len(found) < answers:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = stream.readline()
                assert line, head
                head += line
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            found.append((head, stream.read(length)))
    return found


def ask(value: float, rows: int = 1, extra: str = "") -> bytes:
    """A request for that many equal rows."""
    body = json.dumps({"data": [[value, 0, 0, 0]] * rows}).encode()
    return (HEAD + extra).encode() + b"content-length: %d\r\n\r\n" % len(body) + body


def first(answer: tuple[bytes, bytes]) -> float:
    """The first number of an answer, which must be good."""
    head, body = answer
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    return float(json.loads(body)[0][0])


def test_a_body_in_pieces_is_one_body(connect: Callable[[], socket.socket]) -> None:
    request = ask(0.123456789, rows=20_000)
    sock = connect()
    for at in range(0, len(request), 50_000):
        sock.sendall(request[at : at + 50_000])
    assert len(json.loads(read(sock)[0][1])) == 20_000


@pytest.mark.parametrize("alone", ["head", "head-and-some"])
def test_every_byte_of_a_large_body_comes_to_its_place(connect: Callable[[], socket.socket], alone: str) -> None:
    body = json.dumps({"data": [[number + 0.5, 0, 0, number] for number in range(1000, 100_000)]}).encode()
    head = HEAD.encode() + b"content-length: %d\r\n\r\n" % len(body)
    assert len(body) > 5 * 256 * 1024
    request, first_part = head + body, len(head) + (10_000 if alone == "head-and-some" else 0)
    sock = connect()
    sock.sendall(request[:first_part])
    time.sleep(0.05)
    sock.sendall(request[first_part:])
    answered = json.loads(read(sock)[0][1])
    assert answered == [[2.0 * number + 1, 0.0, 0.0, 2.0 * number] for number in range(1000, 100_000)]


def test_a_connection_serves_large_and_small_bodies_in_turn(connect: Callable[[], socket.socket]) -> None:
    sock = connect()
    for value, rows in ((1, 20_000), (2, 1), (3, 9_000), (4, 9_000), (5, 1)):
        sock.sendall(ask(value, rows))
        (answer,) = read(sock)
        assert (first(answer), len(json.loads(answer[1]))) == (2 * value, rows)


def test_a_large_body_with_the_next_request_behind_it(connect: Callable[[], socket.socket]) -> None:
    sock = connect()
    sock.sendall(ask(1, 20_000) + ask(2))
    large, small = read(sock, 2)
    assert (first(large), first(small)) == (2, 4)


def test_requests_sent_ahead_are_answered_in_their_order(connect: Callable[[], socket.socket]) -> None:
    sock = connect()
    sock.sendall(b"".join(ask(value) for value in range(1, 6)))
    assert [first(answer) for answer in read(sock, 5)] == [2, 4, 6, 8, 10]


def test_a_caller_who_asks_first_is_told_to_go_on(connect: Callable[[], socket.socket]) -> None:
    head, _, body = ask(3, extra="expect: 100-continue\r\n").partition(b"\r\n\r\n")
    sock = connect()
    sock.sendall(head + b"\r\n\r\n")
    assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")
    sock.sendall(body)
    assert first(read(sock)[0]) == 6


@pytest.mark.parametrize("extra", ["connection: close\r\n", "HTTP/1.0"])
def test_a_caller_who_wants_the_connection_closed_gets_it_closed(
    connect: Callable[[], socket.socket], extra: str
) -> None:
    request = ask(3, extra=extra) if extra.endswith("\n") else ask(3).replace(b"HTTP/1.1", extra.encode())
    sock = connect()
    sock.sendall(request)
    said = b""
    while data := sock.recv(10_000):
        said += data
    assert b"connection: close" in said
    assert said.endswith(b"[[6.0,0.0,0.0,0.0]]")


@pytest.mark.parametrize("name", ["x-request-id", "x-ms-client-request-id", "traceid"])
@pytest.mark.parametrize("value", [b"a\x01b", b"a\x7f"])
def test_what_no_header_may_hold_never_comes_back(
    connect: Callable[[], socket.socket], server: Server, name: str, value: bytes
) -> None:
    sock = connect()
    sock.sendall(ask(1).replace(b"host: x", b"host: x\r\n" + name.encode() + b": " + value))
    assert value not in sock.recv(10_000)
    assert server.score(b'{"data": [[1, 2, 3, 4]]}').status == 200


def test_a_body_that_is_refused_before_it_has_come_is_answered(connect: Callable[[], socket.socket]) -> None:
    sock = connect()
    sock.sendall((HEAD + f"content-length: {1 << 40}\r\n\r\n").encode() + b"{" * 100_000)
    ((head, body),) = read(sock)
    assert head.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["error"]["code"] == "SW1514"


@pytest.mark.parametrize("size", [100, 200_000])
def test_a_body_that_stops_half_way_is_given_up(connect: Callable[[], socket.socket], size: int) -> None:
    sock = connect()
    sock.sendall((HEAD + "content-length: 900000\r\n\r\n" + " " * size).encode())
    assert read(sock)[0][0].startswith(b"HTTP/1.1 408 ")
    assert sock.recv(1) == b""


def test_a_head_that_stops_half_way_is_given_up(tmp_path: Path) -> None:
    server = launch(tmp_path, ROWS, LANE, lane="fast", timeout_ms=500)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall(HEAD[:30].encode())
        assert sock.recv(1) == b""
    server.stop()


def test_an_idle_connection_is_closed_and_one_in_use_is_not(tmp_path: Path) -> None:
    arguments = LANE["GUNICORN_CMD_ARGS"].replace("--keep-alive 75", "--keep-alive 1")
    server = launch(tmp_path, ROWS, {**LANE, "GUNICORN_CMD_ARGS": arguments}, lane="fast", seconds=1.5)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        for turn in range(2):
            sock.sendall(ask(turn))
            assert first(read(sock)[0]) == 2 * turn
            time.sleep(0.6)
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert read(sock)[0][0].startswith(b"HTTP/1.1 200 ")
            time.sleep(0.6)
        assert sock.recv(1) == b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        assert sock.recv(1) == b""
    server.stop()


def resident(server: Server) -> int:
    """Bytes that the server's processes hold."""
    family = psutil.Process(server.process.pid)
    return sum(process.memory_info().rss for process in [family, *family.children(recursive=True)])


def test_who_only_announces_large_bodies_costs_no_memory(connect: Callable[[], socket.socket], server: Server) -> None:
    before = resident(server)
    for _ in range(30):
        connect().sendall((HEAD + f"content-length: {60 << 20}\r\n\r\n").encode() + b" " * 100_000)
    assert server.score(b'{"data": [[1, 2, 3, 4]]}').status == 200
    assert resident(server) - before < 100 << 20


def test_memory_that_a_burst_has_left_goes_back(server: Server) -> None:
    before = resident(server)
    body = b'{"data": [[1, 2, 3, 4]]}' + b" " * (24 << 20)
    threads = [threading.Thread(target=server.score, args=[body]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.score(b'{"data": [[1, 2, 3, 4]]}').status == 200
    until = time.monotonic() + 30
    while resident(server) - before > 16 << 20:
        assert time.monotonic() < until, (resident(server) - before) >> 20
        time.sleep(0.2)


def test_a_caller_who_leaves_in_the_middle_of_a_large_body_harms_nobody(
    connect: Callable[[], socket.socket], server: Server
) -> None:
    for _ in range(20):
        sock = connect()
        sock.sendall((HEAD + "content-length: 900000\r\n\r\n").encode() + b" " * 200_000)
        sock.close()
    assert server.score(b'{"data": [[1, 2, 3, 4]]}').status == 200
