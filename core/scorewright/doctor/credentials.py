"""Which kinds of Azure credentials are at hand. Kinds only: no value is read into an answer."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from .diagnosis import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {
    "service principal with a secret": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
    "service principal with a certificate": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_CERTIFICATE_PATH"),
    "workload identity": ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"),
    "token": ("AZUREML_ARM_TOKEN",),
    "managed identity": ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"),
    "managed identity of Azure ML": ("MSI_ENDPOINT",),
}
"""A kind of credential, and the environment variables that carry it."""


def azure() -> Iterator[Diagnosis]:
    """The kinds of credentials that a login to Azure could use."""
    kinds = [kind for kind, names in KINDS.items() if all(os.environ.get(name) for name in names)]
    folder = Path(os.environ.get("AZURE_CONFIG_DIR", Path.home() / ".azure"))
    if shutil.which("az") and (folder / "azureProfile.json").exists():
        kinds.append("Azure CLI")
    if kinds:
        yield Diagnosis("credentials", "ok", ", ".join(kinds))
    else:
        fix = "only Azure targets need them: az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET"
        yield Diagnosis("credentials", "info", "none for Azure", fix)
