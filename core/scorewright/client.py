"""Calls a scoring service. Keys travel in headers only: they are in no message, no log line and no ``repr``."""

from __future__ import annotations

import ipaddress
import json
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from .target import Endpoint

JSON = "application/json"
Decoded: TypeAlias = Any
"""What a JSON body decodes to."""


@dataclass(frozen=True)
class Answer:
    """What a service answered. ``headers``: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Decoded:
        """The body, decoded. Raises `DeploymentError` (SW1721) if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            cause = f"it begins with {self.body[:80]!r}"
            raise DeploymentError("SW1721", "the answer is not JSON", cause=cause) from error

    def message(self) -> str:
        """What the service says of a refusal: its own error message, else the beginning of the body."""
        try:
            error = json.loads(self.body)["error"]
            return f"{error['code']}: {error['message']}"
        except (ValueError, KeyError, TypeError):
            return self.body[:200].decode("utf-8", "replace").strip() or "the body is empty"


class ServiceClient:
    """Calls one service over a connection that is kept. Safe to share between threads; close it or use it in `with`.

    ``timeout``: seconds for one request, connecting included.
    """

    def __init__(self, endpoint: Endpoint, timeout: float = 60.0) -> None:
        import httpx  # slow to import; checks and plans send nothing

        self.endpoint = endpoint
        # A proxy of the environment's cannot reach this machine's own loopback.
        self._http = httpx.Client(timeout=timeout, trust_env=not _loopback(endpoint.scoring_uri))
        self._finalizer = weakref.finalize(self, self._http.close)

    def score(self, payload: object) -> Decoded:
        """Send plain data (numpy arrays and numbers included) as JSON and return the answer, decoded.

        Raises `DeploymentError`: SW1720 if the service cannot be reached, SW1721 if it refuses, with its own message.
        """
        body = json.dumps(payload, default=_plain).encode()
        answer = self.send(body, JSON)
        if answer.status != 200:
            raise DeploymentError(
                "SW1721",
                f"{self.endpoint.service} answered {answer.status}",
                cause=answer.message(),
                steps=[f"see what it wrote: scorewright logs {self.endpoint.service}"],
            )
        return answer.json()

    def send(self, body: bytes, content_type: str = JSON, accept: str = JSON) -> Answer:
        """POST a body as it is and return the answer, whatever its status.

        Raises `DeploymentError` (SW1720) if there is no answer.
        """
        import httpx

        headers = {**self.endpoint.headers, "content-type": content_type, "accept": accept}
        try:
            response = self._http.post(self.endpoint.scoring_uri, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeploymentError(
                "SW1720",
                f"{self.endpoint.service} cannot be reached at {self.endpoint.scoring_uri}",
                cause=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
                steps=["see whether it runs: scorewright status"],
            ) from error
        return Answer(response.status_code, dict(response.headers), response.content)

    def close(self) -> None:
        """Close the connection."""
        self._finalizer()

    def __enter__(self) -> ServiceClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _loopback(uri: str) -> bool:
    import httpx

    try:
        host = httpx.URL(uri).host
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except (ValueError, httpx.InvalidURL):  # a name, or no address at all, which the request will say
        return False


def _plain(value: object) -> object:
    """numpy arrays and numbers as plain data, without importing numpy."""
    tolist = getattr(value, "tolist", None)
    if tolist is None:
        raise TypeError(f"a {type(value).__name__} cannot be sent as JSON")
    return tolist()
