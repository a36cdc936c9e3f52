"""``POST /score`` on an event loop, everything else by Azure's own Flask app.

What the stock server does around a script is done here likewise: request ids, the server's version, timing and failure
headers. Requests that use the server's rarer features (deprecated or overlong id headers) go to Flask as they are.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import wire
from .batcher import Gone
from .body import too_large
from .errors import Unanswered
from .types import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .batcher import Batcher
    from .service import Call, Service

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

_ID_LIMIT = 100
"""Longest request id that the stock server takes."""

_FIXED = 4 << 76 | 2 << 62
_NOT_FIXED = ~(0xF << 76 | 3 << 62)
"""Version and variant of a random UUID, and the bits around them."""

_LARGE = 4 * 1024 * 1024
"""Bytes from which a body is taken apart off the loop, so that others are answered meanwhile."""


class ScoreApp:
    """An ASGI application.

    ``service``: started. ``others``: the ASGI application that answers all other requests.
    """

    def __init__(self, service: Service, others: Callable[..., Awaitable[None]]) -> None:
        self._service, self._others = service, others
        self._limit = service.limits.body
        self._timeout = service.config["timeout_ms"] / 1000
        self._batcher: Batcher
        self.loop: asyncio.AbstractEventLoop
        self.stopping = False
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="scorewright-parse")
        self._version = os.environ.get("HTTP_X_MS_SERVER_VERSION", "")

    def start(self) -> None:
        """Settle on the running event loop. Called once, before the first request."""
        self.loop = asyncio.get_running_loop()
        self._batcher = self._service.make_batcher()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path == "/score" and method == "POST":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            if _plain(headers):
                await self._score(headers, receive, send)
                return
        elif path == "/metrics" and method == "GET":
            await _send(send, self._service.metrics_reply(), {})
            return
        await self._others(scope, receive, send)

    async def _score(self, headers: Mapping[str, str], receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        cycle = wire.cycle_of(receive)
        body = wire.take(cycle) if cycle is not None else None
        try:
            if body is None:
                body = await self._body(headers, receive)
                began = time.perf_counter()
            reply = await self._answer(Request("POST", headers, body), receive)
        except Gone:
            return
        except Exception as error:  # as in `Service.answer`: a request must not take the worker down
            reply = self._service.refuse(error)
        seconds = time.perf_counter() - began
        self._service.metrics.answered(reply.status, seconds)
        added = self._stock_headers(headers, reply.status, seconds)
        if cycle is None or reply.status != 200 or not wire.put(cycle, reply, added):
            await _send(send, reply, added)

    async def _answer(self, request: Request, receive: Receive) -> Reply:
        service = self._service
        call: Call
        if service.parses_slowly or len(request.body) > _LARGE or "image" in request.headers.get("content-type", ""):
            call = await self._aside(service.parse, request)
        else:
            call = service.parse(request)
        cycle = getattr(receive, "__self__", None)
        try:
            outcome = await self._batcher.submit(call.inputs, lambda: getattr(cycle, "disconnected", False))
        except Gone:
            raise
        except Exception as error:  # what the model raises, worded as everywhere
            raise service.model_error(error) from error
        if service.answers_slowly:
            reply: Reply = await self._aside(service.finish, call, outcome)
            return reply
        return service.finish(call, outcome)

    async def _aside(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run what takes long, or is a user's, in a thread. Raises `TimeoutError` where it takes too long."""
        running = self.loop.run_in_executor(self._pool, work, *arguments)
        try:
            return await asyncio.wait_for(running, self._timeout)
        except asyncio.TimeoutError:  # before Python 3.11 not the built-in one
            raise TimeoutError from None

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """The request's body. Raises `BadRequest` (SW1514), `Unanswered` (SW1532) where it never ends, and `Gone`."""
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limit:
            raise too_large(self._limit)
        if not getattr(getattr(receive, "__self__", None), "more_body", True):  # it is all here
            return (await _message(receive))[0]
        task = asyncio.current_task()
        assert task is not None
        late: list[bool] = []
        alarm = self.loop.call_later(self._timeout, lambda: late.append(task.cancel()))
        try:
            return await self._pieces(receive)
        except asyncio.CancelledError:
            if not late:
                raise
            text = f"the body did not arrive within {self._timeout:g} s"
            raise Unanswered("SW1532", text, status=408, headers={"connection": "close"}) from None
        finally:
            alarm.cancel()

    async def _pieces(self, receive: Receive) -> bytes:
        cycle = wire.cycle_of(receive)
        if cycle is not None:
            await wire.arrived(cycle, self._limit)
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            piece, more = await _message(receive)
            pieces.append(piece)
            size += len(piece)
            if size > self._limit:
                raise too_large(self._limit)
        return b"".join(pieces)

    def _stock_headers(self, headers: Mapping[str, str], status: int, seconds: float) -> dict[str, str]:
        """What the stock server adds to a script's response."""
        request_id = headers.get("x-request-id") or _uuid4()
        client_id = headers.get("x-ms-client-request-id", "")
        added = {
            "x-ms-run-function-failed": "True" if status >= 500 else "False",
            "x-ms-run-fn-exec-ms": f"{seconds * 1000:.3f}",
            "x-request-id": request_id,
            "x-ms-request-id": client_id or request_id,
        }
        if client_id:
            added["x-ms-client-request-id"] = client_id
        if self._version:
            added["x-ms-server-version"] = self._version
        if "traceid" in headers:
            added["traceid"] = headers["traceid"]
        if self.stopping:
            added["connection"] = "close"
        return added


def _uuid4() -> str:
    """A random UUID as text, without the object."""
    text = f"{(random.getrandbits(128) & _NOT_FIXED) | _FIXED:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _plain(headers: Mapping[str, str]) -> bool:
    """Whether the id headers are such that the stock server would do nothing special."""
    return (
        "x-ms-request-id" not in headers
        and len(headers.get("x-request-id", "")) <= _ID_LIMIT
        and len(headers.get("x-ms-client-request-id", "")) <= _ID_LIMIT
        and headers.get("x-request-id") != ""
    )


async def _message(receive: Receive) -> tuple[bytes, bool]:
    """A piece of the body, and whether more follows."""
    message = await receive()
    if message["type"] != "http.request":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


@lru_cache(maxsize=256)
def _encoded(header: tuple[str, str]) -> tuple[bytes, bytes]:
    """A header as ASGI wants it. Replies have the same few again and again."""
    return header[0].encode("latin-1"), header[1].encode("latin-1")


async def _send(send: Send, reply: Reply, added: Mapping[str, str]) -> None:
    headers = [_encoded(header) for header in reply.headers.items()]
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in added.items()]
    headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
