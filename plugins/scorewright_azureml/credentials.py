"""Which credentials the environment holds. Never from a file of ours, never interactive, never printed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRINCIPALS = (
    ("AZUREML_SERVICE_PRINCIPAL_TENANT_ID", "AZUREML_SERVICE_PRINCIPAL_ID", "AZUREML_SERVICE_PRINCIPAL_PASSWORD"),
    ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
)
_IDENTITY = ("MSI_ENDPOINT", "IDENTITY_ENDPOINT")


def found(environment: Mapping[str, str] = os.environ) -> str | None:
    """The kind of credentials there are, best first: ``service-principal``, ``arm-token``, ``managed-identity``,
    ``azure-cli``; None if there are none."""
    if any(all(environment.get(name) for name in names) for names in _PRINCIPALS):
        return "service-principal"
    if environment.get("AZUREML_ARM_TOKEN"):
        return "arm-token"
    if any(environment.get(name) for name in _IDENTITY):
        return "managed-identity"
    folder = Path(environment.get("AZURE_CONFIG_DIR") or Path(environment.get("HOME", "~")).expanduser() / ".azure")
    if shutil.which("az", path=environment.get("PATH")) and (folder / "azureProfile.json").is_file():
        return "azure-cli"
    return None


def require(environment: Mapping[str, str] = os.environ) -> str:
    """The kind of credentials there are. Raises `DeploymentError` (SW2101) if there are none."""
    kind = found(environment)
    if kind is None:
        raise DeploymentError(
            "SW2101",
            "no Azure credentials were found",
            cause="no service principal, ARM token, managed identity or Azure CLI login in the environment",
            steps=[
                "in CI: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal",
                "on your machine: az login",
            ],
        )
    return kind
