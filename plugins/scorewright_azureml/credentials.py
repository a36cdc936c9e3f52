"""Which credentials the environment holds. Never from a file of ours, never interactive, never printed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError

from .sdk.tokens import machine_has_identity

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRINCIPALS = (
    ("AZUREML_SERVICE_PRINCIPAL_TENANT_ID", "AZUREML_SERVICE_PRINCIPAL_ID", "AZUREML_SERVICE_PRINCIPAL_PASSWORD"),
    ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
)
_FEDERATED = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE")
_IDENTITIES = (("MSI_ENDPOINT",), ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"))


def found(environment: Mapping[str, str] = os.environ) -> str | None:
    """The kind of credentials there are, best first: ``service-principal``, ``arm-token``, ``workload-identity``,
    ``managed-identity``, ``azure-cli``; None if there are none. The machine's own identity is asked for last, since no
    variable tells of it."""

    def holds(*names: str) -> bool:
        return all(environment.get(name) for name in names)

    if any(holds(*names) for names in _PRINCIPALS):
        return "service-principal"
    if environment.get("AZUREML_ARM_TOKEN"):
        return "arm-token"
    if holds(*_FEDERATED):
        return "workload-identity"
    if any(holds(*names) for names in _IDENTITIES):
        return "managed-identity"
    folder = Path(environment.get("AZURE_CONFIG_DIR") or Path(environment.get("HOME", "~")).expanduser() / ".azure")
    if shutil.which("az", path=environment.get("PATH")) and (folder / "azureProfile.json").is_file():
        return "azure-cli"
    return "managed-identity" if machine_has_identity(environment) else None


def require(environment: Mapping[str, str] = os.environ) -> str:
    """The kind of credentials there are. Raises `DeploymentError` (SW2101) if there are none."""
    kind = found(environment)
    if kind is None:
        raise DeploymentError(
            "SW2101",
            "no Azure credentials were found",
            cause="no service principal, token, workload identity, managed identity or Azure CLI login is at hand",
            steps=[
                "in CI: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of a service principal",
                "on your machine: az login",
            ],
        )
    return kind
