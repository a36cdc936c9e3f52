"""Opening the workspace, once per process. Never interactive: without credentials it refuses."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from . import tokens

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
    if kind == "managed-identity" and os.environ.get("MSI_ENDPOINT"):
        chosen = os.environ.get("AZURE_CLIENT_ID")
        return authentication.MsiAuthentication(
            cloud="AzureCloud", identity_config={"client_id": chosen} if chosen else None
        )
    return authentication.TokenAuthentication(_TOKENS[kind], cloud="AzureCloud")


_TOKENS = {
    "workload-identity": tokens.workload_identity,
    "managed-identity": tokens.managed_identity,
    "azure-cli": tokens.azure_cli,
}


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
