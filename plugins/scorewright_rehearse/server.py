"""The HTTP side: requests become calls, rules strike, replies become responses, all is recorded."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

from . import front, login
from .exchange import ApiError, Call, Reply, arm_error
from .faults import Answer, Corrupt, Delay, Drop, Effect, Meet, Notify, Prepare, Rules
from .recorder import RecordedRequest, Recorder, decoded
from .table import Table

if TYPE_CHECKING:
    from .plane import Plane

IDENTITY = "/identity/token"
METADATA = "/metadata/identity/oauth2/token"

_Act: TypeAlias = Callable[[Call], Awaitable[Reply]]


class Server:
    """Answers for all emulated hosts, and for the scoring front end. ``patience``: see `Emulator`."""

    def __init__(self, plane: Plane, rules: Rules, requests: Recorder, scores: Recorder, patience: float) -> None:
        self._plane = plane
        self._patience = patience
        self._rules = rules
        self._requests = requests
        self._scores = scores
        self._table = Table(plane.names)

    def application(self, *, scoring: bool) -> web.Application:
        """The application of one side."""
        application = web.Application(client_max_size=0)
        application.router.add_route("*", "/{path:.*}", self._score if scoring else self._control)
        return application

    async def _control(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        host = request.host.partition(":")[0].lower()
        path = re.sub("/+", "/", request.rel_url.raw_path)  # the SDK doubles a slash at times
        found = self._table.find(request.method, host, path)
        route, parts = found if found is not None else (None, {})
        noted = decoded(body, request.content_type) if body else None
        action = route.action if route is not None else ""
        record = self._requests.begin(request.method, host, path, dict(request.query), action, noted)
        call = Call(request.method, host, path, parts, dict(request.query), request.headers, body)

        async def act(call: Call) -> Reply:
            if route is None:
                return Reply(404, arm_error("NotFound", f"Not emulated, or not this workspace: {call.method} {path}"))
            if not route.open and not call.headers.get("Authorization", "").startswith("Bearer "):
                return Reply(401, arm_error("AuthenticationFailed", "The request has no bearer token."))
            self._plane.settle()
            reply = route.handler(self._plane, call)
            if record.writes:
                await self._plane.deployments.settle(self._patience)
                self._plane.settle()
                self._plane.changed()
            return reply

        return await self._handled(request, record, call, act)

    async def _score(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        path = request.rel_url.raw_path
        identity = path in {IDENTITY, METADATA}
        action = "identity.token" if identity else "scoring.score"
        query = dict(request.query) if identity else {}
        record = self._scores.begin(request.method, request.host, path, query, action, len(body) or None)
        call = Call(request.method, request.host, request.path_qs, {}, dict(request.query), request.headers, body)

        async def act(call: Call) -> Reply:
            if identity:
                return login.identity(self._plane, call)
            return await front.answer(self._plane, call.method, call.path, call.headers, call.body)

        return await self._handled(request, record, call, act)

    async def _handled(
        self, request: web.Request, record: RecordedRequest, call: Call, act: _Act
    ) -> web.StreamResponse:
        begun = time.monotonic()
        try:
            reply = await self._struck(record, call, act)
        except Exception:  # a bug of ours, or a body that no client of Azure sends: the server answers 500
            record.status, record.outcome = 500, "failed"
            raise
        finally:
            record.seconds = time.monotonic() - begun
        if reply is None:
            record.outcome = "dropped"
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        record.status, record.outcome = reply.status, "answered"
        return _response(reply)

    async def _struck(self, record: RecordedRequest, call: Call, act: _Act) -> Reply | None:
        """The reply after all rules had their way; None where the connection is to be cut."""
        effects = self._rules.take(record)
        for effect in effects:
            if isinstance(effect, Answer):
                return effect.reply
            if isinstance(effect, Drop) and not effect.after:
                return None
            call = await self._before(effect, record, call)
        try:
            reply = await act(call)
        except ApiError as error:
            reply = error.reply
        for effect in effects:
            if isinstance(effect, Notify) and effect.after:
                effect.tell(record)
            if isinstance(effect, Drop) and effect.after:
                return None
        return reply

    async def _before(self, effect: Effect, record: RecordedRequest, call: Call) -> Call:
        if isinstance(effect, Delay):
            await asyncio.sleep(effect.seconds)
        elif isinstance(effect, Prepare):
            effect.change(self._plane, call)
        elif isinstance(effect, Notify) and not effect.after:
            effect.tell(record)
        elif isinstance(effect, Meet):
            return replace(call, failure=effect.failure)
        elif isinstance(effect, Corrupt):
            return replace(call, corrupt=True)
        return call


def _response(reply: Reply) -> web.Response:
    headers = dict(reply.headers)
    if isinstance(reply.body, bytes):
        return web.Response(status=reply.status, body=reply.body, headers=headers)
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    text = json.dumps(reply.body)
    return web.Response(status=reply.status, text=text, content_type="application/json", headers=headers)
