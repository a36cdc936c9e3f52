"""A forward proxy on loopback that knows a handful of hosts and refuses all others.

``CONNECT host:443`` for an emulated host is answered 200 and spliced to the emulator's own TLS server. Anything else is
answered 403 and reported: a client that would have left the machine fails loudly instead.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADER_LIMIT = 65536
PIECE = 65536


class Proxy:
    """``upstream``: the unix socket of the TLS server. ``knows``: whether a host is emulated. ``refused``: told the
    method and the address of every request that was turned away."""

    def __init__(self, upstream: Path, knows: Callable[[str], bool], refused: Callable[[str, str], None]) -> None:
        self._upstream = upstream
        self._knows = knows
        self._refused = refused
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> int:
        """Listen on 127.0.0.1 and return the port; 0 picks a free one. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=HEADER_LIMIT)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # the client went away, spoke no HTTP, or the proxy is stopping: either way this connection is over
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        address = rest.partition(" ")[0]
        host, _, port = address.rpartition(":")
        if method != "CONNECT" or port != "443" or not self._knows(host.lower()):
            self._refused(method, address)
            body = f"{address} is not emulated; a rehearsal reaches nothing outside this machine\n".encode()
            head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            writer.write(head + body)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            return
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._upstream))
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _splice((reader, writer), (inner_reader, inner_writer))
        finally:
            inner_writer.transport.abort()


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _splice(left: _Stream, right: _Stream) -> None:
    """Copy both ways until either side ends: TLS closes whole connections, so a half-open one is of no use."""
    copies = [asyncio.create_task(_copy(left[0], right[1])), asyncio.create_task(_copy(right[0], left[1]))]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        with contextlib.suppress(OSError):
            await left[1].drain()
    finally:
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
