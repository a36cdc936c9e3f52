"""The way of a request: is the key right, which server has it, there and back without holding it in memory."""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from scorewright_local.front.backend import Busy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from multidict import CIMultiDictProxy

    from scorewright_local.front.backend import Backend

HOP_BY_HOP = frozenset(
    ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade", "expect"]
)  # fmt: skip
DEVICE = "x-scorewright-device"
CHUNK = 65536
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
            return await _guarded(forward, request, chosen, strip=bool(keys()))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    return app


def _allowed(header: str, keys: Collection[str]) -> bool:
    """Whether the header carries one of the keys; every key is compared, in constant time."""
    scheme, _, given = header.partition(" ")
    right = [hmac.compare_digest(given.strip().encode(), key.encode()) for key in keys]
    return not keys or (scheme.lower() == "bearer" and any(right))


async def _guarded(
    passed: Callable[..., Awaitable[web.StreamResponse]], request: web.Request, backend: Backend, *, strip: bool
) -> web.StreamResponse:
    """Pass a request on; what goes wrong on the way becomes an answer."""
    try:
        async with backend.turn():
            return await passed(request, backend, strip=strip)
    except Busy:
        return _error(503, "busy", "The service has as many requests as max_concurrent_requests allows.", retry=1)
    except TimeoutError:
        return _error(504, "timeout", "The service did not answer within timeout_ms.")
    except (aiohttp.ClientError, OSError) as error:
        if request.transport is None or request.transport.is_closing():
            raise
        return _error(502, "server_failed", f"The service's server broke off: {type(error).__name__}.", retry=1)


async def forward(request: web.Request, backend: Backend, *, strip: bool) -> web.StreamResponse:
    """Send a request to a server and its answer back, both as they come.

    ``strip``: keep the caller's key from the server. Raises `TimeoutError` and `aiohttp.ClientError` as long as
    nothing was answered; a server that breaks off later breaks the caller's connection off.
    """
    seconds = float(backend.version.launch["timeout_ms"]) / 1000 + ANSWER_GRACE_SECONDS
    async with asyncio.timeout(seconds):
        answer = await backend.session.request(
            request.method,
            URL(f"http://localhost{request.rel_url.raw_path_qs}", encoded=True),
            headers=_end_to_end(request.headers, dropped=frozenset(["authorization"]) if strip else frozenset()),
            data=request.content if request.can_read_body else None,
            skip_auto_headers=[hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT],
            allow_redirects=False,
        )
    async with answer:
        backend.device = answer.headers.get(DEVICE, backend.device)
        response = web.StreamResponse(
            status=answer.status, reason=answer.reason, headers=_end_to_end(answer.headers, dropped=frozenset())
        )
        await response.prepare(request)
        try:
            async for chunk in answer.content.iter_chunked(CHUNK):
                await response.write(chunk)
            await response.write_eof()
        except (aiohttp.ClientError, OSError):
            # Half an answer must not look like a whole one.
            if request.transport is not None:
                request.transport.abort()
        return response


def _end_to_end(headers: CIMultiDictProxy[str], dropped: frozenset[str]) -> CIMultiDict[str]:
    """The headers that are meant for the other end, not for this hop."""
    named = {name.strip().lower() for value in headers.getall(hdrs.CONNECTION, []) for name in value.split(",")}
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP | named | dropped
    )


def _error(status: int, code: str, message: str, retry: int | None = None) -> web.Response:
    headers = {} if retry is None else {hdrs.RETRY_AFTER: str(retry)}
    if status == 401:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return web.json_response({"error": {"code": code, "message": message}}, status=status, headers=headers)
