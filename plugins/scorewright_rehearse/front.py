"""The scoring front end: checks the key or token, and passes the request to the version that serves.

It stands where azureml-fe stands in a cluster. 401: no or a wrong key or token. 403: a token of another service.
404: no such service. 502: the container does not answer. 503: nothing serves. 504: the scoring timeout is over.
"""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

from .exchange import Reply, service_error
from .replica import ReplicaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .plane import Plane
    from .world import Service

PREFIX = "/api/v1/service/"
DEFAULT_TIMEOUT_MS = 60000


async def answer(plane: Plane, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Answer one request to ``/api/v1/service/NAME/…``. ``path``: with its query."""
    name, _, rest = path.removeprefix(PREFIX).partition("/")
    service = plane.world.services.get(name)
    if service is None or not path.startswith(PREFIX):
        return refusal(404, "NotFound", f"No service at {path.partition('?')[0]}.")
    refused = _authorize(plane, service, headers)
    if refused is not None:
        return refused
    replica = plane.deployments.serving.get(name)
    if replica is None:
        return refusal(503, "ServiceUnavailable", f"Nothing serves {name}.")
    timeout = (service.live or service.settings).get("scoringTimeoutMs") or DEFAULT_TIMEOUT_MS
    replica.busy += 1
    try:
        answered = await replica.answer(method, f"/{rest}", headers, body, timeout / 1000)
    except ReplicaError as error:
        return refusal(502, "BadGateway", str(error))
    except TimeoutError:
        return refusal(504, "GatewayTimeout", f"The service did not answer within {timeout} ms.")
    finally:
        replica.busy -= 1
    return Reply(answered.status, answered.body, answered.headers)


def refusal(status: int, code: str, message: str) -> Reply:
    """An answer of the front end's own."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Reply(status, service_error(code, status, message), headers)


def _authorize(plane: Plane, service: Service, headers: Mapping[str, str]) -> Reply | None:
    settings = service.settings
    with_token, with_key = settings.get("aadAuthEnabled"), settings.get("authEnabled")
    if with_key is None:
        with_key = not with_token
    if not with_key and not with_token:
        return None
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        return refusal(401, "Unauthorized", "The request has no authorization header with a bearer key or token.")
    if with_key and any(_same(given, key) for key in (service.primary, service.secondary)):
        return None
    if with_token and service.tokens.get(given, 0.0) > time.time():
        return None
    if any(given in other.tokens for other in plane.world.services.values() if other is not service):
        return refusal(403, "Forbidden", "The token is for another service.")
    return refusal(401, "Unauthorized", "The key or token is not valid, or no longer.")


def _same(given: str, key: str) -> bool:
    return hmac.compare_digest(given.encode(), key.encode())
