"""The stock lane: the service inside Azure's inference server as an ordinary score script, by way of Flask."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .body import too_large
from .errors import BadRequest
from .types import Reply, Request

if TYPE_CHECKING:
    from .service import Service

_CHUNK = 1 << 20


def answer_flask(service: Service, request: Any) -> Any:
    """The response to a Flask request; Flask's view of ``POST /score`` in a script whose ``run()`` is ``@rawhttp``."""
    from azureml_inference_server_http.api.aml_response import AMLResponse

    quiet_request_log()
    limit = service.limits.body
    try:
        body = _read(request, limit)
    except BadRequest as error:
        reply = service.refuse(error)
    else:
        reply = service.answer(Request(request.method, Headers(request.environ), body))
    return AMLResponse(reply.body, reply.status, _for_aml(reply))


class Headers(Mapping[str, str]):
    """The headers in a WSGI environment by their names in lower case, looked up when they are asked for."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        value: str = self._environ[_key(name)]
        return value

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


def _for_aml(reply: Reply) -> dict[str, str]:
    """Headers as `AMLResponse` wants them: it knows ``Content-Type`` in this spelling only."""
    return {"Content-Type" if name == "content-type" else name: value for name, value in reply.headers.items()}


def _read(request: Any, limit: int) -> bytes:
    """The body, reading no more into memory than the limit. Raises `BadRequest` (SW1514)."""
    length = request.content_length
    if length is not None and length <= limit:
        data: bytes = request.get_data(cache=False)
        return data
    body = request.stream.read(limit + 1)
    if len(body) <= limit:
        return bytes(body)
    # Some of what follows is thrown away, so that a caller who is still sending gets to read the refusal.
    for _ in range(max(limit // _CHUNK, 16)):
        if not request.stream.read(_CHUNK):
            break
    raise too_large(limit)


@lru_cache(maxsize=1)
def quiet_request_log() -> None:
    """Turn off the server's lines per request, a tenth of its time; ``SCOREWRIGHT_ACCESS_LOG=1`` leaves them on.

    What the script itself logs and prints is still shown.
    """
    if os.environ.get("SCOREWRIGHT_ACCESS_LOG", "").lower() in ("1", "true", "yes", "on"):
        return
    logging.getLogger("gunicorn.access").disabled = True
    server = logging.getLogger("azmlinfsrv")
    for child in ("azmlinfsrv.print", "azmlinfsrv.scorewright"):
        logging.getLogger(child).setLevel(server.level or logging.INFO)
    server.setLevel(logging.WARNING)
