"""Access tokens from where azureml-core itself does not fetch them, or would start a login or wait for minutes to.

Each function takes an audience (``https://management.core.windows.net/``), keeps its token until shortly before that
expires, and raises `ConnectionError` in the words of whoever gives none.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MARGIN_SECONDS = 300.0
"""A token is fetched anew so long before it expires."""
METADATA_HOST = "http://169.254.169.254"
"""Of a machine in Azure: https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service"""
METADATA_VARIABLE = "AZURE_POD_IDENTITY_AUTHORITY_HOST"
"""Another address for it, as azure-identity reads it."""
_TRIES = 5
_BUSY = frozenset([404, 410, 429, 500, 502, 503, 504])
"""What the metadata service answers while it starts or is updated; it wants to be asked again."""


def kept(fetch: Callable[[str], tuple[str, float]]) -> Callable[[str], str]:
    """The function with a memory. ``fetch``: gives a token, and when it expires in seconds since the epoch."""
    tokens: dict[str, tuple[str, float]] = {}

    @wraps(fetch)
    def token(audience: str) -> str:
        value, expires = tokens.get(audience, ("", 0.0))
        if time.time() > expires - MARGIN_SECONDS:
            value, expires = tokens[audience] = fetch(audience)
        return value

    return token


@kept
def azure_cli(audience: str) -> tuple[str, float]:
    """What ``az`` gives: the SDK's own class wants azure-cli in this very environment, where the two do not go
    together."""
    command = ["az", "account", "get-access-token", "--resource", audience, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise ConnectionError(f"az gives no token: {done.stderr.strip()[-500:]}")
    return _read(json.loads(done.stdout), "accessToken")


@kept
def workload_identity(audience: str) -> tuple[str, float]:
    """For the federated token of a pod or a CI job, which is read anew each time, since it is replaced in its file."""
    answer = _application().acquire_token_for_client([f"{audience}/.default"])
    if "access_token" not in answer:
        raise ConnectionError(f"the federated token was refused: {answer.get('error_description', answer)}")
    return answer["access_token"], time.time() + float(answer["expires_in"])


@lru_cache(maxsize=1)
def _application() -> Any:
    import msal  # comes with azureml-core

    host = os.environ.get("AZURE_AUTHORITY_HOST") or "https://login.microsoftonline.com"
    return msal.ConfidentialClientApplication(
        os.environ["AZURE_CLIENT_ID"],
        authority=f"{host.rstrip('/')}/{os.environ['AZURE_TENANT_ID']}",
        client_credential={"client_assertion": _federated_token},
    )


def _federated_token() -> str:
    return Path(os.environ["AZURE_FEDERATED_TOKEN_FILE"]).read_text(encoding="utf-8").strip()


@kept
def managed_identity(audience: str) -> tuple[str, float]:
    """From the endpoint that an app or container app is given, else from the machine's metadata service."""
    ask = _ask_app if os.environ.get("IDENTITY_ENDPOINT") else _ask_machine
    for attempt in range(_TRIES):
        answer = ask(audience, os.environ, timeout=30)
        if answer.status_code not in _BUSY or attempt == _TRIES - 1:
            break
        time.sleep(2**attempt)
    if answer.status_code != 200:
        raise ConnectionError(f"no managed identity: HTTP {answer.status_code}: {answer.text[:500]}")
    return _read(answer.json(), "access_token")


def machine_has_identity(environment: Mapping[str, str]) -> bool:
    """Whether the machine's metadata service gives a token; a machine that has none answers or refuses at once."""
    try:
        return _ask_machine("https://management.azure.com/", environment, timeout=0.5).status_code == 200
    except httpx.HTTPError:
        return False


def _ask_machine(audience: str, environment: Mapping[str, str], timeout: float) -> httpx.Response:
    host = environment.get(METADATA_VARIABLE) or METADATA_HOST
    return _get(
        f"{host.rstrip('/')}/metadata/identity/oauth2/token",
        {"api-version": "2018-02-01", "resource": audience, **_chosen(environment)},
        {"Metadata": "true"},
        timeout,
    )


def _ask_app(audience: str, environment: Mapping[str, str], timeout: float) -> httpx.Response:
    return _get(
        environment["IDENTITY_ENDPOINT"],
        {"api-version": "2019-08-01", "resource": audience, **_chosen(environment)},
        {"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
        timeout,
    )


def _chosen(environment: Mapping[str, str]) -> dict[str, str]:
    """An identity that is assigned by the user is chosen by its client id, as everywhere in Azure."""
    chosen = environment.get("AZURE_CLIENT_ID")
    return {"client_id": chosen} if chosen else {}


def _get(uri: str, query: dict[str, str], headers: dict[str, str], timeout: float) -> httpx.Response:
    """These endpoints are on this machine or its host, so no proxy leads to them."""
    with httpx.Client(trust_env=False, timeout=timeout) as client:
        return client.get(uri, params=query, headers=headers)


def _read(answer: Mapping[str, Any], name: str) -> tuple[str, float]:
    expires = answer.get("expires_on")
    return str(answer[name]), float(expires) if expires else time.time() + 2 * MARGIN_SECONDS
