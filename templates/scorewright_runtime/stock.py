"""The stock lane: the service inside Azure's inference server as an ordinary score script, by way of Flask."""

from __future__ import annotations

import logging
import os
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
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = service.answer(Request(request.method, headers, body))
    return AMLResponse(reply.body, reply.status, _for_aml(reply))


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
