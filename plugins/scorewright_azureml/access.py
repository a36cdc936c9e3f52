"""How callers reach a service: scoring URI, keys, tokens, logs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx

from scorewright.errors import DeploymentError
from scorewright.target import Endpoint, Keys

from .connection import Connection, connect, refused
from .containers import overlap
from .sdk import SdkError
from .waiting import poll_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scorewright.target import ServiceRequest

_PROOF_SECONDS = 60.0


def _service(connection: Connection, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] | None = connection.read("service_get", name=name)
    except SdkError as error:
        raise refused(error, f"look at service {name}") from error
    if found is None or "compute_type" in found:
        other = f" on AKS, only one on {found['compute_type']}" if found else ""
        raise DeploymentError(
            "SW2122",
            f"service {name} does not exist",
            cause=f"the workspace has no service of this name{other}",
            steps=["scorewright up -t azureml"],
        )
    return found


def address(service: Mapping[str, Any]) -> str:
    """Its scoring URI. Raises `DeploymentError` (SW2127) while it has none."""
    if not service["scoring_uri"]:
        raise DeploymentError(
            "SW2127",
            f"service {service['name']} has no address yet",
            cause=f"Azure gives one to a service that has come up; this one is {service['state']}",
            steps=["scorewright status -t azureml", "scorewright up -t azureml"],
        )
    return str(service["scoring_uri"])


def headers(connection: Connection, service: Mapping[str, Any]) -> dict[str, str]:
    """The headers that open a service, as its way of authentication wants them."""
    name = service["name"]
    try:
        if service["token_auth_enabled"]:
            return {"Authorization": f"Bearer {connection.read('service_token', name=name)['token']}"}
        if service["auth_enabled"]:
            return {"Authorization": f"Bearer {connection.read('service_keys', name=name)[0]}"}
    except SdkError as error:
        raise refused(error, f"get a key of service {name}") from error
    return {}


def endpoint(request: ServiceRequest) -> Endpoint:
    """Where the service is called, and with what. Raises `DeploymentError` (SW2122, SW2127)."""
    connection = connect(request.spec)
    found = _service(connection, request.service)
    return Endpoint(request.service, address(found), headers(connection, found))


def keys(request: ServiceRequest) -> Keys:
    """The service's keys. Raises `DeploymentError`: SW2122, or SW2123 where it has none."""
    connection = connect(request.spec)
    _require_keys(_service(connection, request.service))
    try:
        return Keys(*connection.read("service_keys", name=request.service))
    except SdkError as error:
        raise refused(error, f"get the keys of {request.service}") from error


def _require_keys(found: Mapping[str, Any]) -> None:
    if not found["auth_enabled"]:
        auth = "token" if found["token_auth_enabled"] else "none"
        raise DeploymentError(
            "SW2123",
            f"service {found['name']} has no keys",
            cause=f"its auth is {auth!r}",
            steps=["set auth: key in the deploy file"],
        )


def regenerate_key(request: ServiceRequest) -> Keys:
    """Make one key anew so that no caller is locked out: the other key must open the service before, the new one
    after, and the old one no more. Raises `DeploymentError`: SW2124 if a proof fails."""
    connection = connect(request.spec)
    uri = address(_service(connection, request.service))
    before = keys(request)
    old, other = (before.primary, before.secondary) if request.key == "primary" else (before.secondary, before.primary)
    _prove(uri, other, opens=True, what="the other key does not open the service; nothing was changed")
    try:
        after = Keys(*connection.write("service_regenerate", name=request.service, key=request.key.capitalize()))
    except SdkError as error:
        raise refused(error, f"regenerate the {request.key} key of {request.service}") from error
    new = after.primary if request.key == "primary" else after.secondary
    _prove(uri, new, opens=True, what="the new key does not open the service yet")
    _prove(uri, old, opens=False, what="the old key still opens the service")
    return after


def _prove(uri: str, key: str, *, opens: bool, what: str) -> None:
    """Ask with a key until the answer is as it must be: the front end takes a while to learn of new keys."""
    deadline = time.monotonic() + _PROOF_SECONDS
    while True:
        answer = _asked(uri, key)
        if isinstance(answer, int) and (answer not in {401, 403}) is opens:
            return
        if time.monotonic() > deadline:
            raise DeploymentError("SW2124", what, cause=f"it was answered: {answer}")
        time.sleep(min(1.0, poll_seconds()))


def _asked(uri: str, key: str) -> int | str:
    """The status of the answer, or why there is none."""
    try:
        return httpx.get(uri, headers={"Authorization": f"Bearer {key}"}, timeout=30).status_code
    except httpx.HTTPError as error:
        return f"nothing ({type(error).__name__})"


def logs(request: ServiceRequest) -> Iterator[str]:
    """The container's log; with ``follow``, what is added to it, without end. Raises `DeploymentError` (SW2122)."""
    connection = connect(request.spec)
    _service(connection, request.service)
    return _lines(connection, request.service, request.follow)


def _lines(connection: Connection, name: str, follow: bool) -> Iterator[str]:
    seen: list[str] = []
    while True:
        try:
            lines = str(connection.read("service_logs", name=name)).splitlines()
        except SdkError as error:
            raise refused(error, f"get the log of {name}") from error
        yield from lines[overlap(seen, lines) :]
        if not follow:
            return
        seen = lines
        time.sleep(poll_seconds())
