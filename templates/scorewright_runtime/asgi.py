"""``POST /score`` on an event loop, everything else by Azure's own Flask app.

Requests that use the server's rarer features (deprecated or overlong id headers) go to Flask as they are. Where uvicorn
is the one that `protocol` knows, only unusual scoring requests come this way.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

from . import service as services
from .batcher import Gone
from .body import never_arrived, too_large
from .errors import RequestError
from .scoring import Scorer, by_name, ordinary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .service import Service
    from .types import Reply

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

log = logging.getLogger("azmlinfsrv.scorewright")

_THREADS = 8
"""Threads for requests that Flask answers beside the lane."""

_MOST_THREADS = 128
"""Where Flask answers all, as many as a batch has rows, up to this many."""


def application(flask: Any) -> Any:
    """The ASGI application for the loaded Flask app."""
    from a2wsgi import WSGIMiddleware

    service = services.started()
    reason = objection(service)
    if service is None or reason:
        log.warning("SW1534: the fast lane is off: %s", reason)
        rows = service.most_rows if service is not None else 1
        return WSGIMiddleware(flask, workers=min(max(rows, _THREADS), _MOST_THREADS))
    service.lane = "fast"
    return ScoreApp(service, WSGIMiddleware(flask, workers=_THREADS))


def objection(service: Service | None) -> str:
    """Why requests must take the stock path; empty where the lane may answer them."""
    if service is None:
        return "the score script has started no scorewright service"
    if service.config["lane"] != "fast":
        return "the deploy file says `lane: stock`"
    if os.environ.get("AML_APP_INSIGHTS_ENABLED", "").lower() == "true":
        return "Application Insights records requests on the server's own path"
    if os.environ.get("AML_CORS_ORIGINS"):
        return "AML_CORS_ORIGINS is handled on the server's own path"
    return ""


class ScoreApp:
    """An ASGI application.

    ``service``: started. ``others``: the ASGI application that answers all other requests.
    """

    def __init__(self, service: Service, others: Callable[..., Awaitable[None]]) -> None:
        self.scorer = Scorer(service)
        self._others = others

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path == "/score" and method == "POST":
            headers = by_name(scope["headers"])
            if ordinary(headers):
                await self._score(headers, receive, send)
                return
        elif path == "/metrics" and method == "GET":
            await _send(send, self.scorer.service.metrics_reply(), {})
            return
        await self._flask(scope, receive, send)

    async def _flask(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Have Flask answer, in a thread that need not wait for the body: slow callers would soon hold them all."""
        try:
            body = await self._body(by_name(scope["headers"]), receive)
        except Gone:
            return
        except RequestError as error:
            await _send(send, self.scorer.service.refuse(error), {})
            return

        async def arrived() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._others(scope, arrived, send)

    async def _score(self, headers: Mapping[str, str], receive: Receive, send: Send) -> None:
        answer: asyncio.Future[tuple[Reply, Mapping[str, str]]] = self.scorer.loop.create_future()
        cycle = getattr(receive, "__self__", None)

        def done(reply: Reply, added: Mapping[str, str]) -> None:
            if not answer.done():
                answer.set_result((reply, added))

        try:
            body = await self._body(headers, receive)
        except Gone:
            return
        except Exception as error:  # as in `Service.answer`: a request must not take the worker down
            self.scorer.refuse(headers, error, done)
        else:
            self.scorer.score(headers, body, done, lambda: getattr(cycle, "disconnected", False))
        await _send(send, *await answer)

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """The request's body. Raises `BadRequest` (SW1514), `Unanswered` (SW1532) where it never ends, and `Gone`."""
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.scorer.limit:
            raise too_large(self.scorer.limit)
        try:
            return await asyncio.wait_for(self._pieces(receive), self.scorer.timeout)
        except asyncio.TimeoutError:  # before Python 3.11 not the built-in one
            raise never_arrived(self.scorer.timeout) from None

    async def _pieces(self, receive: Receive) -> bytes:
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Gone
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
            size += len(pieces[-1])
            if size > self.scorer.limit:
                raise too_large(self.scorer.limit)
        return b"".join(pieces)


async def _send(send: Send, reply: Reply, added: Mapping[str, str]) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in {**reply.headers, **added}.items()]
    headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
