"""Scoring requests on an event loop: parsed, batched, run and answered without a task or a thread of their own.

Each step calls the next one. Only what takes long, a huge body or a user's handler, runs in a thread meanwhile.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .batcher import Gone
from .body import media_type
from .types import Reply, Request

if TYPE_CHECKING:
    from .batch import Outcome
    from .batcher import Batcher
    from .service import Call, Service
    from .types import Bytes

Done = Callable[[Reply, Mapping[str, str]], None]
"""Takes the reply, and the headers that the stock server would add to it."""

_ID_LIMIT = 100
"""Longest request id that the stock server takes."""

_ECHOED = ("x-request-id", "x-ms-client-request-id", "traceid")
"""Headers of callers that come back to them."""

_RARE = frozenset((*_ECHOED, "x-ms-request-id"))
"""Headers that a request without anything special does not have."""

_ODD = re.compile("[^\t\x20-\x7e\x80-\xff]")
"""What no header may hold."""

_FIXED = 4 << 76 | 2 << 62
_NOT_FIXED = ~(0xF << 76 | 3 << 62)
"""Version and variant of a random UUID, and the bits around them."""

_LARGE = 4 * 1024 * 1024
"""Bytes from which a body is taken apart off the loop, so that others are answered meanwhile."""

_PACKED = 1032
"""Bytes that one byte becomes at most when it is unpacked (https://zlib.net/zlib_tech.html)."""

_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""glibc's; it takes less than a millisecond (https://man7.org/linux/man-pages/man3/malloc_trim.3.html)."""

_TIDY = 5.0
"""Seconds between two times that memory is given back."""

_LEFT = Reply(499, {}, b"")
"""For a caller who has gone; nobody reads it, but the metrics count it."""


def ordinary(headers: Mapping[str, str]) -> bool:
    """Whether the headers of a request are such that the stock server would do nothing special."""
    if _RARE.isdisjoint(headers):
        return True
    if "x-ms-request-id" in headers or headers.get("x-request-id") == "":
        return False
    for name in _ECHOED:
        value = headers.get(name)
        if value and ((len(value) > _ID_LIMIT and name != "traceid") or _ODD.search(value)):
            return False
    return True


def by_name(pairs: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a request by name, as the stock server has them: those that come several times are joined."""
    headers = {name.decode("latin-1"): value.decode("latin-1").rstrip(" \t") for name, value in pairs}
    if len(headers) < len(pairs):
        values: dict[str, list[str]] = {name: [] for name in headers}
        for name, value in pairs:
            values[name.decode("latin-1")].append(value.decode("latin-1").strip(" \t"))
        headers = {name: ",".join(found) for name, found in values.items()}
    return headers


class Scorer:
    """Answers scoring requests for a started service. Belongs to one event loop."""

    loop: asyncio.AbstractEventLoop
    batcher: Batcher

    def __init__(self, service: Service) -> None:
        self.service = service
        self.limit = service.limits.body
        self.timeout = service.config["timeout_ms"] / 1000
        self.stopping = False
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="scorewright-parse")
        self._tasks: set[asyncio.Task[None]] = set()  # the loop keeps only weak references
        self._version = os.environ.get("HTTP_X_MS_SERVER_VERSION", "")

    def start(self) -> None:
        """Settle on the running event loop. Called once, before the first request."""
        self.loop = asyncio.get_running_loop()
        gc.freeze()  # what is there now stays; to look through it again and again would hold up requests
        self._tidy()
        self.batcher = self.service.make_batcher()

    def _tidy(self) -> None:
        """Give memory that a burst of requests has left back to the system, again and again."""
        if _TRIM is not None:
            _TRIM(0)
            self.loop.call_later(_TIDY, self._tidy)

    def score(self, headers: Mapping[str, str], body: Bytes, done: Done, gone: Callable[[], bool]) -> None:
        """Answer a request: ``done`` is called once, at once or later. ``gone``: whether the caller has left."""
        _Scoring(self, headers, done, gone).parse(Request("POST", headers, body))

    def refuse(self, headers: Mapping[str, str], error: Exception, done: Done) -> None:
        """Answer a request whose body never came."""
        _Scoring(self, headers, done, _here).fail(error)

    def aside(self, work: Callable[..., Any], arguments: tuple[object, ...], then: Callable[[Any], None]) -> None:
        """Run something in a thread. ``then`` gets its result or exception, `TimeoutError` where it takes too long."""

        async def waited() -> None:
            try:
                future = self.loop.run_in_executor(self._pool, _tried, work, *arguments)
                result = (await asyncio.wait_for(future, self.timeout)).pop()
            except asyncio.TimeoutError:  # before Python 3.11 not the built-in one
                result = TimeoutError()
            then(result)

        task = self.loop.create_task(waited())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stock_headers(self, headers: Mapping[str, str], status: int, seconds: float) -> dict[str, str]:
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


class _Scoring:
    """One request on its way."""

    __slots__ = ("_began", "_call", "_done", "_gone", "_headers", "_scorer")

    def __init__(self, scorer: Scorer, headers: Mapping[str, str], done: Done, gone: Callable[[], bool]) -> None:
        self._scorer, self._headers, self._done, self._gone = scorer, headers, done, gone
        self._began = time.perf_counter()
        self._call: Call

    def parse(self, request: Request) -> None:
        scorer, service = self._scorer, self._scorer.service
        if service.parses_slowly or _takes_long(request):
            scorer.aside(service.parse, (request,), self._parsed)
            return
        try:
            call = service.parse(request)
        except Exception as error:  # as in `Service.answer`: a request must not take the worker down
            self.fail(error)
        else:
            self._parsed(call)

    def _parsed(self, call: Call | Exception) -> None:
        if isinstance(call, Exception):
            self.fail(call)
            return
        self._call = call
        try:
            self._scorer.batcher.queue(call.inputs, self._ran, self._gone)
        except Exception as error:  # as above
            self.fail(error)

    def _ran(self, outcome: Outcome | BaseException) -> None:
        service = self._scorer.service
        if isinstance(outcome, BaseException):
            self.fail(outcome if isinstance(outcome, Gone) else service.model_error(outcome))
        elif service.answers_slowly:
            self._scorer.aside(service.finish, (self._call, outcome), self._finished)
        else:
            try:
                reply = service.finish(self._call, outcome)
            except Exception as error:  # as above
                self.fail(error)
            else:
                self._finished(reply)

    def _finished(self, reply: Reply | BaseException) -> None:
        if isinstance(reply, BaseException):
            self.fail(reply)
            return
        scorer, seconds = self._scorer, time.perf_counter() - self._began
        scorer.service.metrics.answered(reply.status, seconds)
        self._done(reply, scorer.stock_headers(self._headers, reply.status, seconds))

    def fail(self, error: BaseException) -> None:
        """Answer with an error."""
        self._finished(_LEFT if isinstance(error, Gone) else self._scorer.service.refuse(error))


def _takes_long(request: Request) -> bool:
    """Whether others would have to wait for a body to be taken apart."""
    headers, size = request.headers, len(request.body)
    kind = media_type(headers.get("content-type", "")).type
    if "content-encoding" in headers or kind == "application/x-npz":
        size *= _PACKED
    return size > _LARGE or kind.startswith("image/")


def _tried(work: Callable[..., Any], *arguments: object) -> list[Any]:
    """What it returns, or the exception that it raises; in a list, to be taken out of it: an exception that is kept by
    what it came through keeps itself, and the body that it is about, until the garbage collector comes."""
    try:
        return [work(*arguments)]
    except Exception as error:  # told to the caller, as in `Service.answer`
        return [error]


def _here() -> bool:
    return False


def _uuid4() -> str:
    """A random UUID as text, without the object."""
    text = f"{(random.getrandbits(128) & _NOT_FIXED) | _FIXED:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
