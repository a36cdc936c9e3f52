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

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from .asgi import ScoreApp
from .body import Place, never_arrived, too_large
from .errors import BadRequest
from .scoring import by_name, ordinary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .types import Bytes, Reply

_LARGE = 32 * 1024
"""Bytes still missing of a body from which they are read straight to their place."""

_MOST_HEADERS = 100
"""Headers of a request, as many as gunicorn takes (https://docs.gunicorn.org/en/stable/settings.html#limit-request-fields)."""

_MOST_HEAD = 64 * 1024
"""Bytes of a request line and headers beyond those that came with the first of them."""

_TOUCHED = {"disconnected", "keep_alive", "message_event", "response_complete", "body", "more_body", "on_response"}
_METHODS = {
    *("data_received", "connection_made", "connection_lost", "shutdown", "resume_writing", "send_400_response"),
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

    __slots__ = ("body", "disconnected", "headers", "keep_alive", "length", "protocol", "response_complete")
    message_event = _Event()

    def __init__(self, protocol: ScoreProtocol, headers: dict[str, str], keep_alive: bool) -> None:
        self.protocol, self.headers, self.keep_alive = protocol, headers, keep_alive
        self.body: Bytes = b""
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


class _Flow(FlowControl):
    """Reads no more while requests that have been read wait for their turn, or answers for their reader; uvicorn would,
    and there is no end to what a caller can send ahead."""

    def __init__(self, protocol: ScoreProtocol, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._protocol = protocol

    def resume_reading(self) -> None:
        """See `FlowControl`."""
        if not self._protocol.pipeline and not self.write_paused:
            super().resume_reading()


class ScoreProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with the short cut where the application is a `ScoreApp`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scorer = self.app.scorer if isinstance(self.app, ScoreApp) else None
        self._exchange: Exchange | None = None  # whose body is on its way
        self._arriving = self._heading = self._upgrading = False
        self._head = 0
        self._alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """As uvicorn has it, but addresses are looked up when they are needed, and the first request is waited for no
        longer than the next one."""
        self.connections.add(self)
        self.transport, self.flow = transport, _Flow(self, transport)
        self._quiet_since = self.loop.time()
        self._idle_check = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._idle_check.cancel()
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`; what has begun to arrive must arrive within the time-out."""
        if self._heading:
            self._head += len(data)
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as paused:
            self._stay(data[paused.args[0] :])
            return
        except HttpParserError:
            self._malformed("Invalid HTTP request received.")
            return
        if not self._arriving or self._scorer is None:
            return
        if self._heading and self._head > _MOST_HEAD:
            self._arriving = False
            self._refuse_head(f"the headers are larger than {_MOST_HEAD} bytes")
            return
        if self._alarm is None:
            self._alarm = self.loop.call_later(self._scorer.timeout, self._late)
        exchange = self._exchange
        if exchange is not None and exchange.length - len(exchange.body) >= _LARGE:
            self.transport.set_protocol(Rest(self, exchange))

    def _stay(self, rest: bytes) -> None:
        """Take a request that offers another protocol (Java's client offers h2c with each) as one that does not: the
        parser would not read its body. ``rest``: what came after the headers."""
        self._upgrading = False
        if self.parser.get_method() == b"CONNECT":
            self._malformed("CONNECT is not answered here.")
            return
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                value = b",".join(part for part in value.split(b",") if part.strip().lower() != b"upgrade")
            if name != b"upgrade":
                lines.append(b"%b: %b" % (name, value))
        self.parser = _parser(self)
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _malformed(self, text: str) -> None:
        self.logger.warning(text)
        self.send_400_response(text)

    def on_message_begin(self) -> None:
        """A request begins; uvicorn's record of it is made when it is known to be needed."""
        self._arriving = self._heading = True
        self._head = 0
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Take a scoring request, or leave it to uvicorn."""
        self._heading = False
        if self.parser.should_upgrade():
            self._upgrading = True
            return
        if len(self.headers) > _MOST_HEADERS and self._scorer is not None:
            self._refuse_head(f"there are more than {_MOST_HEADERS} headers")
            return
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
        if not exchange.body:
            exchange.body = body
        elif isinstance(exchange.body, bytearray):
            exchange.body += body
        else:
            exchange.body = bytearray(exchange.body) + body
        assert self._scorer is not None
        if len(exchange.body) > self._scorer.limit:
            self._refuse(exchange, too_large(self._scorer.limit))

    def on_message_complete(self) -> None:
        """Score what has arrived."""
        if self._upgrading:
            return
        self._arriving = False
        self._disarm()
        exchange = self._exchange
        if exchange is None:
            super().on_message_complete()
            if isinstance(self.cycle, Exchange) and not self.cycle.keep_alive and self.cycle.response_complete:
                self.transport.close()  # it was refused, and now all of it has come
            return
        self._score(exchange, exchange.body)

    def rest_arrived(self, exchange: Exchange, body: bytearray) -> None:
        """Score a body that `Rest` has read; the parser knows nothing of it, so the next request gets a new one."""
        self.transport.set_protocol(self)
        self.parser = _parser(self)
        self._arriving = False
        self._disarm()
        self._score(exchange, body)

    def _score(self, exchange: Exchange, body: Bytes) -> None:
        self._exchange = None
        exchange.body = b""
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
        if not (before is None or before.response_complete):
            return False
        headers = by_name(self.headers)
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
        exchange.body = b""
        exchange.keep_alive = False
        assert self._scorer is not None
        self._scorer.refuse(exchange.headers, error, exchange.answer)

    def _refuse_head(self, text: str) -> None:
        """Refuse a request for its headers. An answer that is due before it could not be told apart from this one."""
        if self.cycle is None or self.cycle.response_complete:
            exchange: Any = Exchange(self, {}, False)
            self.cycle = exchange
            self._refuse(exchange, BadRequest("SW1514", text, status=431))
        else:
            self.transport.close()

    def _late(self) -> None:
        """What has begun to arrive has not arrived in time."""
        self._alarm = None
        exchange, scorer = self._exchange, self._scorer
        if exchange is not None and scorer is not None:
            self._arriving = False
            self.transport.set_protocol(self)
            self._refuse(exchange, never_arrived(scorer.timeout))
        elif scorer is None or self._heading or self.cycle.response_complete:
            self.transport.close()
        else:  # the application, which began later, will say so
            self._alarm = self.loop.call_later(scorer.timeout, self._late)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


class Rest(asyncio.BufferedProtocol):
    """Takes the rest of a large body from the socket straight to its place."""

    def __init__(self, protocol: ScoreProtocol, exchange: Exchange) -> None:
        self._protocol, self._exchange = protocol, exchange
        self._place = Place(exchange.body, exchange.length)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes belong."""
        return self._place.free()

    def buffer_updated(self, nbytes: int) -> None:
        """They are there."""
        self._place.came(nbytes)
        if not self._place.missing:
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


def _parser(protocol: ScoreProtocol) -> HttpRequestParser:
    """A parser as uvicorn makes it."""
    parser = HttpRequestParser(protocol)
    if hasattr(parser, "set_dangerous_leniencies"):  # since httptools 0.6.3
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


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
