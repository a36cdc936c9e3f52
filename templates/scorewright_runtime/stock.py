"""The stock lane: the service inside Azure's inference server as an ordinary score script, by way of Flask."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .body import too_large
from .errors import RequestError
from .gunicornbody import read_body, read_some
from .limits import access_log_wanted
from .types import Reply, Request

if TYPE_CHECKING:
    from .service import Service
    from .types import Bytes

_CHUNK = 1 << 20


def answer_flask(service: Service, request: Any) -> Any:
    """The response to a Flask request; Flask's view of ``POST /score`` in a script whose ``run()`` is ``@rawhttp``."""
    _settle()
    environ = request.environ
    try:
        body = _read(environ, service.limits.body, service.config["timeout_ms"] / 1000)
    except RequestError as error:
        reply = service.refuse(error)
    else:
        reply = service.answer(Request(environ["REQUEST_METHOD"], Headers(environ), body))
    return _response_class()(reply)


@lru_cache(maxsize=1)
def _response_class() -> Any:
    """The class of our responses; Flask is there once there are requests."""
    from flask import Response

    class ScoreResponse(Response):
        """What `AMLResponse` would be, with headers of ours that are not looked through again at every turn."""

        def __init__(self, reply: Reply) -> None:
            super().__init__(status=reply.status, content_type=reply.headers["content-type"])
            self.response = [reply.body]
            self._ours = _sent(tuple(reply.headers.items()), reply.status)

        def get_wsgi_response(self, environ: Any) -> Any:
            """See werkzeug."""
            length = ("Content-Length", str(sum(map(len, self.response))))
            headers = [pair for pair in self.headers if pair[0] != "Content-Length"]
            return self.get_app_iter(environ), self.status, [*headers, *self._ours, length]

    return ScoreResponse


@lru_cache(maxsize=512)
def _sent(headers: tuple[tuple[str, str], ...], status: int) -> list[tuple[str, str]]:
    """The headers that a response adds to those that the server knows of. It says itself that a script has failed."""
    ours = [pair for pair in headers if pair[0] != "content-type"]
    return ours if status >= 500 else [*ours, ("x-ms-run-function-failed", "False")]


class Headers(Mapping[str, str]):
    """The headers in a WSGI environment by their names in lower case, looked up when they are asked for."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        value: str = self._environ[_key(name)]
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _key(name) in self._environ

    def get(self, name: str, default: Any = None) -> Any:
        """See `Mapping`, which needs an exception to find that a header is not there."""
        return self._environ.get(_key(name), default)

    def __iter__(self) -> Iterator[str]:
        for key in self._environ:
            if key.startswith("HTTP_") or key in _BARE:
                yield key.removeprefix("HTTP_").replace("_", "-").lower()

    def __len__(self) -> int:
        return sum(1 for _ in self)


_BARE = ("CONTENT_TYPE", "CONTENT_LENGTH")


@lru_cache(maxsize=256)
def _key(name: str) -> str:
    """Where WSGI keeps a header (PEP 3333)."""
    key = name.upper().replace("-", "_")
    return key if key in _BARE else f"HTTP_{key}"


def _read(environ: Mapping[str, Any], limit: int, seconds: float) -> Bytes:
    """The body, reading no more into memory than the limit.

    Raises `BadRequest` (SW1511, SW1514) and `Unanswered` (SW1532).
    """
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) <= limit:
        return read_body(environ, int(length), seconds)
    body = read_some(environ, limit + 1, seconds)
    if len(body) <= limit:
        return body
    # Some of what follows is thrown away, so that a caller who is still sending gets to read the refusal.
    for _ in range(max(limit // _CHUNK, 16)):
        if not read_some(environ, _CHUNK, seconds):
            break
    raise too_large(limit)


@lru_cache(maxsize=1)
def _settle() -> None:
    """Make ready for many requests; called with the first one."""
    gc.freeze()  # what is there now stays; to look through it again and again would hold up requests
    _quiet_request_log()


def _quiet_request_log() -> None:
    """Turn off the server's lines per request, a tenth of its time; ``SCOREWRIGHT_ACCESS_LOG=1`` leaves them on.

    What the script itself logs and prints is still shown.
    """
    if access_log_wanted():
        return
    logging.getLogger("gunicorn.access").disabled = True
    server = logging.getLogger("azmlinfsrv")
    for child in ("azmlinfsrv.print", "azmlinfsrv.scorewright"):
        logging.getLogger(child).setLevel(server.level or logging.INFO)
    server.setLevel(logging.WARNING)
