"""Large bodies in the stock lane, from gunicorn's socket straight to their place.

gunicorn hands a body through several buffers, each of which copies it, and reads it in many pieces. Where its objects
are the ones known here, and nothing has been read of the body but what came with the headers, the rest is read from the
socket, and gunicorn's own reader is told that there is no more. In all other cases gunicorn reads.
"""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING, Any

from .body import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .types import Bytes

_LARGE = 32 * 1024
"""Bytes of a body from which it is worth it."""


def read_body(environ: Mapping[str, Any], length: int) -> Bytes:
    """The body of a WSGI request that says how long it is; less, where the caller leaves before all of it has come."""
    stream = environ["wsgi.input"]
    if length >= _LARGE:
        begun = _begun(stream, environ.get("gunicorn.socket"), length)
        if begun is not None:
            return _rest(stream, environ["gunicorn.socket"], Place([begun], length))
    body: bytes = stream.read(length)
    return body


def _begun(stream: Any, connection: Any, length: int) -> bytes | None:
    """What gunicorn holds of a body of which nothing has been read; None where that is not surely known."""
    try:
        held = stream.reader.unreader.buf
        fresh = stream.reader.length == length and not stream.buf.tell()
        ours = fresh and stream.reader.unreader.sock is connection and type(connection) is socket.socket
        plain = type(stream.reader).__name__ == "LengthReader" and type(held) is io.BytesIO
        begun: bytes = held.getvalue()
    except AttributeError:
        return None
    return begun if ours and plain and len(begun) < length and connection.gettimeout() is None else None


def _rest(stream: Any, connection: socket.socket, place: Place) -> Bytes:
    """Read what is missing. Raises `OSError`."""
    stream.reader.unreader.buf = io.BytesIO()
    stream.reader.length = 0
    stream.failed = True  # until all is here, where the next request starts on the connection is not known
    while not place.full:
        with place.free() as free:
            count = connection.recv_into(free, len(free), socket.MSG_WAITALL)
        if not count:
            return place.begun
        place.came(count)
    stream.failed = False
    return place.body
