"""Answers and bodies as uvicorn holds them: nothing is put on the wire, or taken from it, that ASGI would not."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.server import Server, launch
from tests.runtime.support import signature_of
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from scorewright_runtime import Reply, wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = signature_of(x=("float32", [None, 4]))
LANE = {"GUNICORN_CMD_ARGS": "--pythonpath bundle -k scorewright_runtime.lane.Worker --keep-alive 75"}
HEAD = "POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
REPLY = Reply(200, {"content-type": "application/json", "x-scorewright-batch": "1"}, b"[1]")
ADDED = {"x-request-id": "r"}
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
    running = launch(folder, ROWS, {**LANE, "PYTHONPATH": str(folder / "path")}, lane="fast")
    yield running
    running.stop()


def conversation(server: Server, pieces: list[bytes], answers: int) -> bytes:
    """Send pieces on one connection, and read until that many answers have come."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        said = b""
        for piece in pieces:
            sock.sendall(piece)
        while said.count(b"HTTP/1.1 200 OK") < answers or not said.endswith(b"]"):
            data = sock.recv(1 << 20)
            assert data, said[:300]
            said += data
    return said


def ask(value: float, rows: int = 1) -> bytes:
    """A request for that many equal rows."""
    body = json.dumps({"data": [[value, 0, 0, 0]] * rows}).encode()
    return HEAD.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


def test_a_body_in_pieces_is_one_body(server: Server) -> None:
    request = ask(0.123456789, rows=20_000)
    pieces = [request[at : at + 50_000] for at in range(0, len(request), 50_000)]
    assert len(pieces) > 8
    body = conversation(server, pieces, 1).split(b"\r\n\r\n", 1)[1]
    assert len(json.loads(body)) == 20_000


def test_requests_sent_ahead_are_answered_in_their_order(server: Server) -> None:
    said = conversation(server, [b"".join(ask(value) for value in range(1, 6))], 5)
    bodies = [part.split(b"\r\n\r\n", 1)[1] for part in said.split(b"HTTP/1.1 200 OK")[1:]]
    assert [json.loads(body)[0][0] for body in bodies] == [2, 4, 6, 8, 10]


def test_a_caller_who_asks_first_is_told_to_go_on(server: Server) -> None:
    head, _, body = ask(3).partition(b"\r\n\r\n")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall(head + b"\r\nexpect: 100-continue\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")
        sock.sendall(body)
        assert sock.recv(10_000).startswith(b"HTTP/1.1 200 ")


def test_a_caller_who_wants_the_connection_closed_gets_it_closed(server: Server) -> None:
    request = ask(3).replace(b"host: x", b"host: x\r\nconnection: close")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall(request)
        said = b""
        while data := sock.recv(10_000):
            said += data
    assert b"connection: close" in said


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Keep it."""
        self.written += data


def cycle_for(transport: Transport, keep_alive: bool = True) -> Any:  # noqa: ANN401 - uvicorn's own
    """uvicorn's record of a request."""
    return RequestResponseCycle(
        scope={"type": "http", "method": "POST"},  # type: ignore[typeddict-item]
        transport=transport,
        flow=FlowControl(transport),
        logger=logging.getLogger(),
        access_logger=logging.getLogger(),
        access_log=False,
        default_headers=[(b"server", b"gunicorn")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )


def test_an_answer_is_what_uvicorn_itself_would_send() -> None:
    ours, theirs = Transport(), Transport()
    assert wire.put(cycle_for(ours), REPLY, ADDED)
    headers = [(name.encode(), value.encode()) for name, value in {**REPLY.headers, **ADDED}.items()]

    async def send() -> None:
        cycle = cycle_for(theirs)
        start = {"type": "http.response.start", "status": 200, "headers": [*headers, (b"content-length", b"3")]}
        await cycle.send(start)
        await cycle.send({"type": "http.response.body", "body": REPLY.body})

    asyncio.run(send())
    assert ours.written == theirs.written


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\x00", "a\x7f"])
def test_what_no_header_may_hold_is_left_to_uvicorn(value: str) -> None:
    transport = Transport()
    assert not wire.put(cycle_for(transport), REPLY, {"traceid": value})
    assert transport.written == b""


def test_answers_that_end_the_connection_are_left_to_uvicorn() -> None:
    transport = Transport()
    assert not wire.put(cycle_for(transport, keep_alive=False), REPLY, ADDED)
    assert not wire.put(cycle_for(transport), REPLY, {**ADDED, "connection": "close"})
    assert transport.written == b""
