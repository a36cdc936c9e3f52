"""Large bodies in the stock lane, read from the connections of gunicorn's own parser."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from gunicorn import http  # type: ignore[import-untyped]
from gunicorn.config import Config  # type: ignore[import-untyped]

from scorewright_runtime import BadRequest
from scorewright_runtime.errors import Unanswered
from scorewright_runtime.gunicornbody import read_body, read_some

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = bytes(range(256)) * 4096
HEAD = b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(BODY)
NEXT = b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]"


class Connection:
    """A caller's end of a connection, and gunicorn's parser at the other."""

    def __init__(self, caller: socket.socket, served: socket.socket) -> None:
        self.caller, self.served = caller, served
        self.requests = http.get_parser(Config(), served, ("127.0.0.1", 1))

    def send(self, *pieces: bytes) -> None:
        """Send, in a thread of its own: bodies are larger than what a socket holds."""
        threading.Thread(target=self.caller.sendall, args=(b"".join(pieces),), daemon=True).start()

    def environ(self) -> dict[str, Any]:
        """What gunicorn tells an application of the next request's body."""
        return {"wsgi.input": next(self.requests).body, "gunicorn.socket": self.served}


@pytest.fixture
def connection() -> Iterator[Connection]:
    caller, served = socket.socketpair()
    with caller, served:
        served.settimeout(None)
        yield Connection(caller, served)


def test_a_large_body_comes_whole_and_the_next_request_is_found(connection: Connection) -> None:
    connection.send(HEAD, BODY)
    environ = connection.environ()
    body = read_body(environ, len(BODY), 20.0)
    assert type(body) is bytearray  # by the short cut, not by gunicorn
    assert body == BODY
    assert environ["wsgi.input"].read() == b""
    connection.send(NEXT, HEAD, BODY)
    assert read_body(connection.environ(), 2, 20.0) == b"[]"
    assert read_body(connection.environ(), len(BODY), 20.0) == BODY


def test_what_was_sent_ahead_stays_for_the_next_request(connection: Connection) -> None:
    connection.send(HEAD, BODY, NEXT)
    assert read_body(connection.environ(), len(BODY), 20.0) == BODY
    assert read_body(connection.environ(), 2, 20.0) == b"[]"


def test_a_body_that_has_come_with_the_next_request_is_gunicorns(connection: Connection) -> None:
    connection.send(HEAD, BODY, NEXT)
    environ = connection.environ()
    unreader = environ["wsgi.input"].reader.unreader
    unreader.unread(unreader.read(len(BODY) + len(NEXT)))
    assert type(read_body(environ, len(BODY), 20.0)) is bytes
    assert read_body(connection.environ(), 2, 20.0) == b"[]"


def test_a_body_that_has_been_read_in_part_is_gunicorns(connection: Connection) -> None:
    connection.send(HEAD, BODY)
    environ = connection.environ()
    assert environ["wsgi.input"].read(10) == BODY[:10]
    assert read_body(environ, len(BODY) - 10, 20.0) == BODY[10:]


def test_who_leaves_half_way_is_found_out_and_the_connection_is_not_used_again(connection: Connection) -> None:
    connection.caller.sendall(HEAD + BODY[:70_000])
    connection.caller.shutdown(socket.SHUT_WR)
    environ = connection.environ()
    with pytest.raises(BadRequest, match="ends after 70000 of 1048576 bytes"):
        read_body(environ, len(BODY), 20.0)
    assert environ["wsgi.input"].failed


@pytest.mark.parametrize("begun", [BODY[:70_000], BODY[:10], b""])
def test_who_sends_no_more_is_not_waited_for(connection: Connection, begun: bytes) -> None:
    connection.caller.sendall(HEAD + begun)
    environ = connection.environ()
    with pytest.raises(Unanswered, match=r"did not arrive within 0\.2 s") as refused:
        read_body(environ, len(BODY), 0.2)
    assert refused.value.status == 408
    assert environ["wsgi.input"].failed


def test_a_trickle_is_not_waited_for_either(connection: Connection) -> None:
    connection.send(HEAD)
    environ = connection.environ()

    def trickle() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.caller.sendall(b"x")
                time.sleep(0.02)

    threading.Thread(target=trickle, daemon=True).start()
    with pytest.raises(Unanswered):
        read_body(environ, len(BODY), 0.3)


def test_chunks_must_come_in_time_and_be_chunks(connection: Connection) -> None:
    head = b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    connection.caller.sendall(head + b"2\r\n[]\r\n")
    environ = connection.environ()
    with pytest.raises(Unanswered):
        read_some(environ, 100, 0.2)


@pytest.mark.parametrize("chunks", [b"zz\r\n[]\r\n", b"2\r\n[]xx0\r\n\r\n", b"0\r\nbad trailer\r\n\r\n"])
def test_malformed_chunks_are_the_callers_fault(connection: Connection, chunks: bytes) -> None:
    connection.caller.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + chunks)
    environ = connection.environ()
    with pytest.raises(BadRequest, match="cannot be read") as refused:
        read_some(environ, 100, 5.0)
    assert refused.value.code == "SW1511"


def test_the_connection_waits_as_before_for_the_next_request(connection: Connection) -> None:
    connection.send(HEAD, BODY)
    read_body(connection.environ(), len(BODY), 0.1)
    threading.Timer(0.4, connection.send, [NEXT]).start()
    assert read_body(connection.environ(), 2, 0.1) == b"[]"


def test_other_servers_read_their_bodies_themselves() -> None:
    assert read_body({"wsgi.input": io.BytesIO(BODY)}, len(BODY), 20.0) == BODY
    with socket.socket() as connection:
        assert read_body({"wsgi.input": io.BytesIO(BODY), "gunicorn.socket": connection}, len(BODY), 20.0) == BODY
