"""Opening the workspace, once per process. Never interactive: without credentials it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import time
from functools import lru_cache
from typing import Any

CREDENTIAL = "SCOREWRIGHT_CREDENTIAL"
"""Set by the other side: the kind of credentials that were found (see `scorewright_azureml.credentials`)."""


def _first(*names: str) -> str:
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _authentication() -> Any:
    from azureml.core import authentication

    kind = os.environ[CREDENTIAL]
    if kind == "service-principal":
        return authentication.ServicePrincipalAuthentication(
            tenant_id=_first("AZUREML_SERVICE_PRINCIPAL_TENANT_ID", "AZURE_TENANT_ID"),
            service_principal_id=_first("AZUREML_SERVICE_PRINCIPAL_ID", "AZURE_CLIENT_ID"),
            service_principal_password=_first("AZUREML_SERVICE_PRINCIPAL_PASSWORD", "AZURE_CLIENT_SECRET"),
            cloud="AzureCloud",
        )
    if kind == "arm-token":
        return authentication.ArmTokenAuthentication(os.environ["AZUREML_ARM_TOKEN"], cloud="AzureCloud")
    if kind == "managed-identity":
        return authentication.MsiAuthentication(cloud="AzureCloud")
    # The SDK's own AzureCliAuthentication wants azure-cli in this very environment, where the two do not go together.
    return authentication.TokenAuthentication(azure_cli_token, cloud="AzureCloud")


_tokens: dict[str, tuple[str, float]] = {}
_MARGIN_SECONDS = 300.0


def azure_cli_token(audience: str) -> str:
    """The token that ``az`` gives for an audience; kept until shortly before it expires.

    Raises `ConnectionError` with what ``az`` says if it gives none.
    """
    token, expires = _tokens.get(audience, ("", 0.0))
    if time.time() > expires - _MARGIN_SECONDS:
        command = ["az", "account", "get-access-token", "--resource", audience, "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise ConnectionError(f"az gives no token: {done.stderr.strip()[-500:]}")
        answer = json.loads(done.stdout)
        token, expires = answer["accessToken"], float(answer.get("expires_on") or time.time() + 2 * _MARGIN_SECONDS)
        _tokens[audience] = (token, expires)
    return token


@lru_cache(maxsize=4)
def open_workspace(subscription_id: str, resource_group: str, name: str) -> Any:
    """The SDK's workspace, known to exist: `Workspace.get` alone swallows a lost connection, `location` asks again."""
    from azureml.core import Workspace

    workspace = Workspace.get(
        name=name, auth=_authentication(), subscription_id=subscription_id, resource_group=resource_group
    )
    if not workspace.location:
        raise ConnectionError(f"workspace {name} did not say where it is")
    return workspace


def workspace_get(workspace: dict[str, str]) -> dict[str, Any]:
    """``location`` and ``id`` of the workspace; proves that it exists and that the credentials open it."""
    opened = open_workspace(**workspace)
    return {"location": opened.location, "id": opened.get_details()["id"]}
