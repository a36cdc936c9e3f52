"""A short cut through uvicorn for ``POST /score``: from the parser's callbacks to the answer on the connection.

An ASGI application costs a task, a queue and two checked messages for each request, more than a small model takes. So
scoring requests are taken where uvicorn's own protocol would make its record of a request and its task. Anything
unusual (requests sent ahead on a connection, ``expect: 100-continue``, rare headers, other paths) goes uvicorn's way.
"""

from __future__ import annotations

import asyncio
import http
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from httptools import HttpRequestParser
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from .asgi import ScoreApp, never_arrived
from .body import Place, too_large
from .scoring import ordinary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .types import Bytes, Reply

_LARGE = 32 * 1024
"""Bytes still missing of a body from which they are read straight to their place."""

_TOUCHED = {"disconnected", "keep_alive", "message_event", "response_complete", "body", "more_body", "on_response"}
_METHODS = {
    *("data_received", "connection_made", "connection_lost", "shutdown", "resume_writing"),
    *("on_message_begin", "on_header", "on_headers_complete", "on_body", "on_message_complete", "on_response_complete"),
}
if not (set(RequestResponseCycle.__init__.__code__.co_names) >= _TOUCHED and set(vars(HttpToolsProtocol)) >= _METHODS):
    raise ImportError("this uvicorn is not one that the short cut knows")


class _Event:
    """Stands where uvicorn wakes the task of a request; ours have none."""

    def set(self) -> None:
        """Wake nobody."""


class Exchange:
    """A scoring request and its answer, with what uvicorn's protocol reads and writes of its own record of one."""

    __slots__ = ("disconnected", "headers", "keep_alive", "length", "pieces", "protocol", "response_complete", "size")
    message_event = _Event()

    def __init__(self, protocol: ScoreProtocol, headers: dict[str, str], keep_alive: bool) -> None:
        self.protocol, self.headers, self.keep_alive = protocol, headers, keep_alive
        self.pieces: list[bytes] = []
        self.size = 0
        length = headers.get("content-length", "")
        self.length = int(length) if length.isdigit() else 0
        self.disconnected = self.response_complete = False

    def answer(self, reply: Reply, added: Mapping[str, str]) -> None:
        """Put the answer on the connection."""
        protocol, transport = self.protocol, self.protocol.transport
        self.response_complete = True
        if transport.is_closing():
            return
        closing = not self.keep_alive or "connection" in added or "connection" in reply.headers
        varying = "".join([f"{name}: {value}\r\n" for name, value in added.items()])
        if closing and "connection" not in added and "connection" not in reply.headers:
            varying += "connection: close\r\n"
        head = b"%b%b%b%bcontent-length: %d\r\n\r\n" % (
            _status(reply.status),
            _lines(tuple(protocol.server_state.default_headers)),
            _texts(tuple(reply.headers.items())),
            varying.encode("latin-1"),
            len(reply.body),
        )
        transport.writelines((head, reply.body))
        protocol.answered(self, closing)


class ScoreProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with the short cut where the application is a `ScoreApp`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scorer = self.app.scorer if isinstance(self.app, ScoreApp) else None
        self._exchange: Exchange | None = None  # whose body is on its way
        self._arriving = False
        self._alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """As uvicorn has it, but addresses are looked up when they are needed, and the first request is waited for no
        longer than the next one."""
        self.connections.add(self)
        self.transport, self.flow = transport, FlowControl(transport)
        self._quiet_since = self.loop.time()
        self._idle_check = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._idle_check.cancel()
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`; what has begun to arrive must arrive within the time-out."""
        super().data_received(data)
        if not self._arriving or self._scorer is None:
            return
        if self._alarm is None:
            self._alarm = self.loop.call_later(self._scorer.timeout, self._late)
        exchange = self._exchange
        if exchange is not None and exchange.length - exchange.size >= _LARGE:
            self.transport.set_protocol(Rest(self, exchange))

    def on_message_begin(self) -> None:
        """A request begins; uvicorn's record of it is made when it is known to be needed."""
        self._arriving = True
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Take a scoring request, or leave it to uvicorn."""
        if self.url != b"/score" or not self._take():
            url, headers, expected = self.url, self.headers, self.expect_100_continue
            if self.scheme is None:
                self.server, self.client = get_local_addr(self.transport), get_remote_addr(self.transport)
                self.scheme = "https" if is_ssl(self.transport) else "http"
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expected
            self.headers.extend(headers)
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body."""
        exchange = self._exchange
        if exchange is None:
            super().on_body(body)
            return
        exchange.pieces.append(body)
        exchange.size += len(body)
        assert self._scorer is not None
        if exchange.size > self._scorer.limit:
            self._refuse(exchange, too_large(self._scorer.limit))

    def on_message_complete(self) -> None:
        """Score what has arrived."""
        self._arriving = False
        self._disarm()
        exchange = self._exchange
        if exchange is None:
            super().on_message_complete()
            if isinstance(self.cycle, Exchange) and not self.cycle.keep_alive and self.cycle.response_complete:
                self.transport.close()  # it was refused, and now all of it has come
            return
        pieces = exchange.pieces
        self._score(exchange, pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def rest_arrived(self, exchange: Exchange, body: bytearray) -> None:
        """Score a body that `Rest` has read; the parser knows nothing of it, so the next request gets a new one."""
        self.transport.set_protocol(self)
        self.parser = HttpRequestParser(self)
        self._arriving = False
        self._disarm()
        self._score(exchange, body)

    def _score(self, exchange: Exchange, body: Bytes) -> None:
        self._exchange = None
        exchange.pieces.clear()
        assert self._scorer is not None
        self._scorer.score(exchange.headers, body, exchange.answer, self.transport.is_closing)

    def answered(self, exchange: Exchange, closing: bool) -> None:
        """An answer is on the connection: end it, or make ready for the next request."""
        if closing and self._arriving:  # closed now, the caller would lose the answer with what is still on its way
            exchange.keep_alive = False
            self._disarm()
            assert self._scorer is not None
            self._alarm = self.loop.call_later(self._scorer.timeout, self._late)
            return
        if closing:
            self.transport.close()
        self.on_response_complete()
        if self.flow.write_paused:  # the caller does not read; answers must not pile up
            self.flow.pause_reading()

    def on_response_complete(self) -> None:
        """As uvicorn has it, but no timer is set for each wait for a next request."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._quiet_since = self.loop.time()

    def _end_if_idle(self) -> None:
        """Close a connection on which nothing has come for the keep-alive time; else look again when it may be over."""
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if self._arriving or not (self.cycle is None or self.cycle.response_complete):
            left = self.timeout_keep_alive
        if left > 0:
            self._idle_check = self.loop.call_later(left, self._end_if_idle)
        else:
            self.timeout_keep_alive_handler()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().resume_writing()
        if self.cycle is None or self.cycle.response_complete:
            self.flow.resume_reading()

    def _take(self) -> bool:
        """Whether the request whose headers are here is answered the short way; if so, it has been taken."""
        parser, before = self.parser, self.cycle
        if self._scorer is None or parser.get_method() != b"POST" or self.expect_100_continue:
            return False
        if parser.should_upgrade() or not (before is None or before.response_complete):
            return False
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        if not ordinary(headers):
            return False
        keep_alive = parser.get_http_version() != "1.0" and parser.should_keep_alive()
        exchange: Any = Exchange(self, headers, keep_alive)
        self.cycle = self._exchange = exchange
        if exchange.length > self._scorer.limit:
            self._refuse(exchange, too_large(self._scorer.limit))
        return True

    def _refuse(self, exchange: Exchange, error: Exception) -> None:
        """Answer a request whose body is not taken, and end the connection."""
        self._exchange = None
        exchange.pieces.clear()
        exchange.keep_alive = False
        assert self._scorer is not None
        self._scorer.refuse(exchange.headers, error, exchange.answer)

    def _late(self) -> None:
        """What has begun to arrive has not arrived in time."""
        self._alarm = None
        exchange, scorer = self._exchange, self._scorer
        if exchange is not None and scorer is not None:
            self._arriving = False
            self.transport.set_protocol(self)
            self._refuse(exchange, never_arrived(scorer.timeout))
        else:
            self.transport.close()

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


class Rest(asyncio.BufferedProtocol):
    """Takes the rest of a large body from the socket straight to its place."""

    def __init__(self, protocol: ScoreProtocol, exchange: Exchange) -> None:
        self._protocol, self._exchange = protocol, exchange
        self._place = Place(exchange.pieces, exchange.length)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes belong."""
        return self._place.free()

    def buffer_updated(self, nbytes: int) -> None:
        """They are there."""
        self._place.came(nbytes)
        if self._place.full:
            self._protocol.rest_arrived(self._exchange, self._place.body)

    def eof_received(self) -> None:
        """See `asyncio.Protocol`."""
        self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._protocol.resume_writing()


@lru_cache(maxsize=64)
def _status(code: int) -> bytes:
    """The first line of an answer."""
    try:
        phrase = http.HTTPStatus(code).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {code} {phrase}\r\n".encode()


@lru_cache(maxsize=4)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The server's own headers, of which the date changes once a second."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


@lru_cache(maxsize=512)
def _texts(headers: tuple[tuple[str, str], ...]) -> bytes:
    """The service's own headers, the same few again and again."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1")
