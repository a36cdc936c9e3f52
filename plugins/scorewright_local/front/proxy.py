"""The way of a request: is the key right, which server has it, there and back without holding it in memory."""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING

import h11
from aiohttp import hdrs, web
from multidict import CIMultiDict

from scorewright_local.front.backend import Busy
from scorewright_local.front.wire import Ask, BrokenOff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from scorewright_local.front.backend import Backend
    from scorewright_local.front.wire import Headers

HOP_BY_HOP = frozenset(
    [b"connection", b"expect", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade"]
)  # fmt: skip
DEVICE = "x-scorewright-device"
ANSWER_GRACE_SECONDS = 5.0
"""The server itself ends a request at its time limit; the front only steps in where it does not."""


def application(backend: Callable[[], Backend | None], keys: Callable[[], Collection[str]]) -> web.Application:
    """An application that passes every request on to the server that ``backend`` returns at that moment.

    ``keys``: the keys that are taken now; empty where none is needed.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        chosen = backend()
        if not _allowed(request.headers.get(hdrs.AUTHORIZATION, ""), keys()):
            return _error(401, "key_auth_access_denied", "The Authorization header has no valid key for this service.")
        if chosen is None or not chosen.healthy:
            return _error(503, "starting", "The service's server is starting or being restarted.", retry=1)
        with chosen.request():
            return await _guarded(request, chosen, strip=bool(keys()))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    return app


def _allowed(header: str, keys: Collection[str]) -> bool:
    """Whether the header carries one of the keys; every key is compared, in constant time."""
    scheme, _, given = header.partition(" ")
    right = [hmac.compare_digest(given.strip().encode(), key.encode()) for key in keys]
    return not keys or (scheme.lower() == "bearer" and any(right))


async def _guarded(request: web.Request, backend: Backend, *, strip: bool) -> web.StreamResponse:
    """Pass a request on; what goes wrong on the way becomes an answer."""
    try:
        async with backend.turn():
            return await forward(request, backend, strip=strip)
    except Busy:
        return _error(503, "busy", "The service has as many requests as max_concurrent_requests allows.", retry=1)
    except TimeoutError:
        return _error(504, "timeout", "The service did not answer within timeout_ms.")
    except h11.LocalProtocolError as error:
        return _error(400, "bad_request", f"The request is not proper HTTP: {error}.")
    except (BrokenOff, OSError):
        return _error(502, "server_failed", "The service's server broke off before it had answered.", retry=1)


async def forward(request: web.Request, backend: Backend, *, strip: bool) -> web.StreamResponse:
    """Send a request to a server and its answer back, both as they come.

    ``strip``: keep the caller's key from the server. Raises `TimeoutError`, `BrokenOff` and `OSError` as long as
    nothing was answered; where a server breaks off later, the caller's connection is broken off too.
    """
    dropped = frozenset([b"authorization"]) if strip else frozenset()
    body = request.content.iter_any() if request.can_read_body else None
    ask = Ask(request.method, request.rel_url.raw_path_qs, _end_to_end(request.raw_headers, dropped), body)
    seconds = float(backend.version.launch["timeout_ms"]) / 1000 + ANSWER_GRACE_SECONDS
    async with backend.exchange(ask) as answer:
        async with asyncio.timeout(seconds):
            head = await answer.head()
        headers = CIMultiDict((_text(name), _text(value)) for name, value in _end_to_end(head.headers.raw_items()))
        backend.device = headers.get(DEVICE, backend.device)
        response = web.StreamResponse(status=head.status_code, reason=_text(head.reason), headers=headers)
        try:
            await response.prepare(request)
            async for chunk in answer.chunks():
                await response.write(chunk)
            await response.write_eof()
        except (BrokenOff, OSError):
            # Half an answer must not look like a whole one.
            if request.transport is not None:
                request.transport.abort()
    return response


def _end_to_end(headers: Iterable[tuple[bytes, bytes]], dropped: frozenset[bytes] = frozenset()) -> Headers:
    """The headers that are meant for the other end, not for this hop."""
    kept = list(headers)
    named = {
        word.strip().lower() for name, value in kept if name.lower() == b"connection" for word in value.split(b",")
    }
    return [(name, value) for name, value in kept if name.lower() not in HOP_BY_HOP | named | dropped]


def _text(value: bytes) -> str:
    """A header as aiohttp holds it, so that it goes out as it came in."""
    return value.decode("utf-8", "surrogateescape")


def _error(status: int, code: str, message: str, retry: int | None = None) -> web.Response:
    headers = {} if retry is None else {hdrs.RETRY_AFTER: str(retry)}
    if status == 401:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return web.json_response({"error": {"code": code, "message": message}}, status=status, headers=headers)
