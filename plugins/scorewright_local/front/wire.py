"""One request to a server over its unix socket, and the answer.

Written on the bare socket, because a server may answer a request that it does not read to its end (a body over its
limit) and hang up: sending then fails while the answer is there to be read, and asyncio's streams would lose it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK = 65536
HEAD_LIMIT = 131072

Headers = list[tuple[bytes, bytes]]


class BrokenOff(Exception):
    """The server hung up, or sent what is not HTTP."""


@dataclass(frozen=True)
class Ask:
    """A request: ``target`` is path and query; ``body`` None if there is none."""

    method: str
    target: str
    headers: Headers
    body: AsyncIterator[bytes] | None = None


class Answer:
    """The answer to a request, as it comes."""

    def __init__(self, connection: h11.Connection, wire: socket.socket) -> None:
        self._connection = connection
        self._wire = wire

    async def head(self) -> h11.Response:
        """Status, reason and headers. Raises `BrokenOff`."""
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise BrokenOff("no answer")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, after the head. Raises `BrokenOff` if it ends too early."""
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        loop = asyncio.get_running_loop()
        try:
            while (event := self._connection.next_event()) is h11.NEED_DATA:
                try:
                    data = await loop.sock_recv(self._wire, CHUNK)
                except ConnectionError:
                    data = b""
                self._connection.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise BrokenOff(str(error)) from error
        return event  # type: ignore[return-value]


@contextlib.asynccontextmanager
async def exchange(path: str, ask: Ask) -> AsyncIterator[Answer]:
    """Send a request; the value is its answer, which may come before the request is all sent.

    Raises `OSError` if nothing listens at ``path``, `h11.LocalProtocolError` if the request is not proper HTTP.
    """
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as wire:
        wire.setblocking(False)
        await loop.sock_connect(wire, path)
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        head = connection.send(h11.Request(method=ask.method, target=ask.target, headers=_framed(ask)))
        sending = asyncio.create_task(_send(connection, wire, head or b"", ask.body))
        try:
            yield Answer(connection, wire)
        finally:
            sending.cancel()
            await asyncio.wait([sending])


def _framed(ask: Ask) -> Headers:
    """The headers, with how the body's end is marked and that the connection serves one request only."""
    headers = [*ask.headers, (b"Connection", b"close")]
    sized = any(name.lower() == b"content-length" for name, _ in headers)
    return headers if sized or ask.body is None else [*headers, (b"Transfer-Encoding", b"chunked")]


async def _send(
    connection: h11.Connection, wire: socket.socket, head: bytes, body: AsyncIterator[bytes] | None
) -> None:
    """Send all of a request. Where that fails, the reader of the answer finds out what became of it."""
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(wire, head)
        if body is not None:
            async for chunk in body:
                await loop.sock_sendall(wire, connection.send(h11.Data(data=chunk)) or b"")
        await loop.sock_sendall(wire, connection.send(h11.EndOfMessage()) or b"")
    except (OSError, EOFError, h11.LocalProtocolError):
        # The server reads no more, or the caller sends no more; in that case the server must not wait for it.
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_WR)
