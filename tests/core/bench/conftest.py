"""A small HTTP server that does what a test says, on a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import pytest

Answerer = Callable[[bytes], Awaitable[bytes]]


def response(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Served:
    """A running server: its address, and what it has seen."""

    uri: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)


Serve = Callable[[Answerer], AbstractContextManager[Served]]


@pytest.fixture
def serve() -> Serve:
    """``with serve(answer) as served``: ``answer`` makes the whole response of a request's body."""
    return contextmanager(_serve)


def _serve(answer: Answerer) -> Iterator[Served]:
    served, ready, over = Served(), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                served.requests.append(body)
                said = await answer(body)
                writer.write(said)
                if b"connection: close" in head.lower() or not said:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the caller has gone, or the test is over
        finally:
            writer.close()

    async def listen() -> None:
        loops.append(asyncio.get_running_loop())
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            served.uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/score"
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(listen()))
    thread.start()
    ready.wait(5)
    try:
        yield served
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()
