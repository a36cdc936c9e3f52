"""What commands say to a front, as HTTP over a unix socket that only this user reaches.

GET  /                       what there is
POST /trial {"version"}      start a candidate; a stream of JSON lines, and a lease: when the caller closes it, or
                             dies, a candidate that was not promoted goes
POST /promote {"version"}    make the candidate current
POST /keys                   take over the file of keys
POST /stop                   end the service
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from scorewright_local.front.backend import StartFailed

if TYPE_CHECKING:
    from scorewright_local.front.supervisor import Candidate, Supervisor

HEARTBEAT_SECONDS = 2.0


def application(supervisor: Supervisor) -> web.Application:
    """The control application of a front."""

    async def describe(request: web.Request) -> web.Response:
        return web.json_response(supervisor.describe())

    async def trial(request: web.Request) -> web.StreamResponse:
        name = str((await request.json())["version"])
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        async with supervisor.trial(name) as candidate:
            await response.prepare(request)
            await _accompany(candidate, response)
        return response

    async def promote(request: web.Request) -> web.Response:
        try:
            supervisor.promote(str((await request.json())["version"]))
        except LookupError:
            return web.json_response({}, status=409)
        return web.json_response(supervisor.describe())

    async def keys(request: web.Request) -> web.Response:
        supervisor.load_keys()
        return web.json_response({})

    async def stop(request: web.Request) -> web.Response:
        supervisor.stop()
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/", describe)
    for path, handler in {"/trial": trial, "/promote": promote, "/keys": keys, "/stop": stop}.items():
        app.router.add_post(path, handler)
    return app


async def _accompany(candidate: Candidate, response: web.StreamResponse) -> None:
    """Tell the caller what the candidate does, until it is promoted or has failed."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    candidate.backend.on_line = lines.put_nowait
    telling = asyncio.create_task(_tell(lines, response))
    try:
        try:
            await candidate.backend.wait_healthy()
        finally:
            candidate.backend.on_line = None
            telling.cancel()
            await asyncio.wait([telling])
        await _send(response, {"event": "healthy", "uri": candidate.uri, "key": candidate.key})
        ended = asyncio.create_task(candidate.backend.ended())
        promoted = asyncio.create_task(candidate.promoted.wait())
        try:
            await asyncio.wait([ended, promoted], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            promoted.cancel()
        await _send(response, {"event": "promoted" if candidate.promoted.is_set() else "ended"})
    except StartFailed as failed:
        failure = {"event": "failed", "reason": failed.reason, "detail": failed.detail, "lines": failed.lines}
        await _send(response, failure)


async def _tell(lines: asyncio.Queue[str], response: web.StreamResponse) -> None:
    """Pass lines on as they come; where none come, say now and then that we are alive."""
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                line = await lines.get()
            await _send(response, {"event": "log", "line": line})
        except TimeoutError:
            await _send(response, {"event": "waiting"})


async def _send(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(json.dumps(event).encode() + b"\n")
