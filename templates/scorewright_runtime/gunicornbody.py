"""Bodies in the stock lane: large ones come straight to their place, and none is waited for without end.

gunicorn hands a body through several buffers, each of which copies it, and waits for a caller who sends no more for as
long as the connection lasts. Where its objects are the ones known here, and nothing has been read of the body but what
came with the headers, the rest is read from the socket, and gunicorn's own reader is told that there is no more. In all
other cases gunicorn reads, and each piece must come in time.
"""

from __future__ import annotations

import io
import socket
import struct
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .body import Place, never_arrived
from .errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .types import Bytes

_LARGE = 32 * 1024
"""Bytes of a body from which it is worth it."""


def read_body(environ: Mapping[str, Any], length: int, seconds: float) -> Bytes:
    """The body of a WSGI request that says how long it is.

    Raises `BadRequest` (SW1511) where it ends before, and `Unanswered` (SW1532) where it, or a piece of
    a small one, takes longer to come.
    """
    connection: Any = environ.get("gunicorn.socket")
    begun = _begun(environ["wsgi.input"], connection, length) if length >= _LARGE else None
    if begun is None:
        body: Bytes = read_some(environ, length, seconds)
    else:
        body = _rest(environ["wsgi.input"], connection, Place(begun, length), seconds)
    if len(body) < length:
        raise BadRequest("SW1511", f"the body ends after {len(body)} of {length} bytes")
    return body


def read_some(environ: Mapping[str, Any], size: int, seconds: float) -> bytes:
    """Up to so many bytes of a WSGI request's body, less only where it ends.

    Raises `BadRequest` (SW1511) where it is malformed or the caller leaves, and `Unanswered` (SW1532) where a piece of
    it takes longer to come.
    """
    connection: Any = environ.get("gunicorn.socket")
    waits = type(connection) is socket.socket and connection.gettimeout() is None
    try:
        if waits:
            _wait_at_most(connection, seconds)
        body: bytes = environ["wsgi.input"].read(size)
    except (BlockingIOError, TimeoutError):
        raise never_arrived(seconds) from None
    except _unreadable() as error:
        raise BadRequest("SW1511", f"the body cannot be read: {error}") from None
    if waits:
        _wait_at_most(connection, 0.0)
    return body


def _begun(stream: Any, connection: Any, length: int) -> bytes | None:
    """What gunicorn holds of a body of which more must come; None where that is not surely known."""
    try:
        held = stream.reader.unreader.buf
        fresh = stream.reader.length == length and not stream.buf.tell()
        ours = fresh and stream.reader.unreader.sock is connection and type(connection) is socket.socket
        plain = type(stream.reader).__name__ == "LengthReader" and type(held) is io.BytesIO
        begun: bytes = held.getvalue()
    except AttributeError:
        return None
    return begun if ours and plain and len(begun) < length and connection.gettimeout() is None else None


def _rest(stream: Any, connection: socket.socket, place: Place, seconds: float) -> Bytes:
    """Read what is missing; less where the caller leaves."""
    stream.reader.unreader.buf = io.BytesIO()
    stream.failed = True  # until all is here, where the next request starts on the connection is not known
    until = time.monotonic() + seconds
    try:
        while place.missing:
            _wait_at_most(connection, max(until - time.monotonic(), 0.001))
            with place.free() as free:
                count = connection.recv_into(free, len(free), socket.MSG_WAITALL)
            if not count:
                return place.begun
            place.came(count)
            stream.reader.length = place.missing
    except (BlockingIOError, TimeoutError):
        raise never_arrived(seconds) from None
    except OSError as error:
        raise BadRequest("SW1511", f"the body cannot be read: {error}") from None
    _wait_at_most(connection, 0.0)
    stream.failed = False
    return place.body


def _wait_at_most(connection: socket.socket, seconds: float) -> None:
    """How long the system waits for something to come; 0 for as long as it takes. Python's own time-out would turn
    blocking reads into many that do not block."""
    whole = int(seconds)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", whole, int(1e6 * (seconds - whole))))


@lru_cache(maxsize=1)
def _unreadable() -> tuple[type[Exception], ...]:
    """What reading raises for malformed chunks and for callers who have gone."""
    try:
        from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
    except ImportError:  # another server
        return (OSError,)
    return (OSError, ParseException)
