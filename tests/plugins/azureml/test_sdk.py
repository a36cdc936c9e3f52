"""The wall around the SDK: processes that hang, die or are interrupted, its exceptions, and its credentials."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from tests.plugins.azureml.conftest import SUBSCRIPTION, Azure

from scorewright.errors import DeploymentError
from scorewright_azureml import connection, credentials
from scorewright_azureml.sdk import SdkError, SdkPool, tokens
from scorewright_azureml.sdk.errors import translate
from scorewright_azureml.sdk.workspace import CREDENTIAL
from scorewright_rehearse.faults import Delay, Rule
from scorewright_rehearse.plane import CLIENT_ID, FEDERATED_TOKEN, TENANT, token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKSPACE = {"subscription_id": SUBSCRIPTION, "resource_group": "rehearsal", "name": "rehearsal"}


@pytest.fixture
def pool(azure: Azure) -> Iterator[SdkPool]:
    with SdkPool({**os.environ, CREDENTIAL: "service-principal"}, size=1) as opened:
        yield opened


def children() -> set[int]:
    """The processes of the SDK that are alive below this one."""
    told = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return {int(line.split()[0]) for line in told.stdout.splitlines() if "scorewright_azureml.sdk.process" in line}


def test_a_call_that_hangs_is_stopped_and_the_next_one_gets_a_new_process(azure: Azure, pool: SdkPool) -> None:
    assert pool.call("workspace_get", {"workspace": WORKSPACE}, timeout=60)["location"] == "eastus"
    azure.emulator.rules.add(Rule(Delay(30), "services.list"))
    with pytest.raises(SdkError) as caught:
        pool.call("service_list", {"workspace": WORKSPACE}, timeout=0.5)
    assert caught.value.kind == "timeout"
    assert caught.value.may_have_happened
    azure.emulator.calm()
    assert pool.call("service_list", {"workspace": WORKSPACE}, timeout=60) == []


def test_a_process_that_dies_in_a_call_is_replaced(azure: Azure, pool: SdkPool) -> None:
    before = children()
    pool.call("service_list", {"workspace": WORKSPACE}, timeout=60)
    (process,) = children() - before
    azure.emulator.rules.add(Rule(Delay(1), "services.list"))
    timer = threading.Timer(0.3, os.kill, (process, signal.SIGKILL))
    timer.start()
    with pytest.raises(SdkError) as caught:
        pool.call("service_list", {"workspace": WORKSPACE}, timeout=60)
    timer.join()
    assert caught.value.kind == "lost"
    azure.emulator.calm()
    assert pool.call("service_list", {"workspace": WORKSPACE}, timeout=60) == []


def test_closing_ends_every_process_and_removes_what_they_left(azure: Azure) -> None:
    before = children()
    pool = SdkPool({**os.environ, CREDENTIAL: "service-principal"}, size=1)
    pool.call("service_list", {"workspace": WORKSPACE}, timeout=60)
    assert children() - before
    pool.close()
    assert children() == before


CHILD = """
import os, sys
from scorewright_azureml.sdk import SdkPool
pool = SdkPool(os.environ, size=1)
print("ready", flush=True)
try:
    pool.call("service_list", {"workspace": %r}, timeout=60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
pool.close()
"""


def test_an_interrupt_ends_a_call_at_once_and_leaves_no_process(azure: Azure) -> None:
    azure.emulator.rules.add(Rule(Delay(30), "services.list"))
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD % WORKSPACE],
        env={**azure.emulator.child_environment(), CREDENTIAL: "service-principal"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 60
    while not azure.emulator.requests.all("services.list") and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=20)[0] == "interrupted\n"
    assert child.returncode == 0


class FromMsrest(Exception):
    """An exception as another family of the SDK's would raise it."""


FromMsrest.__module__ = "msrest.exceptions"

TEXTS: list[tuple[BaseException, str, int | None, str | None, str]] = [
    (
        RuntimeError(
            "Received bad response from Model Management Service:\nResponse Code: 409\nHeaders: {'x': 'y'}\n"
            'Content: b\'{"code":"Conflict","statusCode":409,"message":"Conflict",'
            '"details":[{"code":"ServiceExists","message":"Service with name mnist already exists."}]}\''
        ),
        "service",
        409,
        "Conflict",
        "Service with name mnist already exists.",
    ),
    (
        RuntimeError(
            'Response Code: 400\nContent: b\'{"error":{"code":"BadArgument","message":"The vm size is not there"}}\''
        ),
        "service",
        400,
        "BadArgument",
        "The vm size is not there",
    ),
    (FromMsrest("Error occurred in request., ConnectionError"), "connection", None, None, "Error occurred in request"),
    (TimeoutError("timed out"), "connection", None, None, "timed out"),
    (ValueError("max() arg is an empty sequence"), "input", None, None, "empty sequence"),
    (PermissionError("the path is not below the current folder"), "input", None, None, "not below"),
    (KeyError("tid"), "bug", None, None, "tid"),
    (Exception(), "bug", None, None, "Exception"),
]


@pytest.mark.parametrize(("error", "kind", "status", "code", "message"), TEXTS)
def test_what_the_sdk_raises_becomes_one_record(
    error: BaseException, kind: str, status: int | None, code: str | None, message: str
) -> None:
    found = SdkError(**translate(error))
    assert (found.kind, found.status, found.error_code) == (kind, status, code)
    assert message in found.message


PRINCIPAL = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
FEDERATED = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "f"}
NOWHERE = {tokens.METADATA_VARIABLE: "http://127.0.0.1:9"}
"""No metadata service."""


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        (PRINCIPAL, "service-principal"),
        ({**PRINCIPAL, "AZUREML_ARM_TOKEN": "x", "MSI_ENDPOINT": "y"}, "service-principal"),
        ({"AZUREML_ARM_TOKEN": "x", "MSI_ENDPOINT": "y"}, "arm-token"),
        ({"MSI_ENDPOINT": "y"}, "managed-identity"),
        ({"IDENTITY_ENDPOINT": "y", "IDENTITY_HEADER": "z"}, "managed-identity"),
        ({"IDENTITY_ENDPOINT": "y"}, None),
        (FEDERATED, "workload-identity"),
        ({**FEDERATED, "AZUREML_ARM_TOKEN": "x"}, "arm-token"),
        ({**FEDERATED, "MSI_ENDPOINT": "y"}, "workload-identity"),
        ({"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}, None),
        ({}, None),
    ],
)
def test_credentials_are_looked_for_in_an_order(environment: dict[str, str], kind: str | None, tmp_path: Path) -> None:
    assert credentials.found({**environment, "HOME": str(tmp_path), "PATH": str(tmp_path), **NOWHERE}) == kind


def test_the_azure_cli_counts_where_somebody_is_logged_in(tmp_path: Path) -> None:
    (tmp_path / "az").write_text("#!/bin/sh\n")
    (tmp_path / "az").chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": str(tmp_path), **NOWHERE}
    assert credentials.found(environment) is None
    (tmp_path / ".azure").mkdir()
    (tmp_path / ".azure" / "azureProfile.json").write_text("{}")
    assert credentials.found(environment) == "azure-cli"


def test_without_credentials_nothing_is_asked_and_no_login_is_begun(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = azure.spec()
    for name in ("AZUREML_SERVICE_PRINCIPAL_ID", "AZURE_CLIENT_ID", "AZUREML_ARM_TOKEN", "MSI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    azure.emulator.requests.clear()
    with pytest.raises(DeploymentError) as caught:
        azure.run.plan(spec)
    assert caught.value.code == "SW2101"
    assert len(azure.emulator.requests) == 0


@pytest.mark.parametrize("identity", [True, False])
def test_an_identity_or_a_token_opens_the_workspace(azure: Azure, identity: bool) -> None:
    inherited = azure.emulator.child_environment(identity=identity)
    environment = {key: value for key, value in inherited.items() if "SERVICE_PRINCIPAL" not in key}
    if not identity:
        environment["AZUREML_ARM_TOKEN"] = token("https://management.azure.com")
    kind = credentials.require(environment)
    with SdkPool({**environment, CREDENTIAL: kind}, size=1) as pool:
        found = pool.call("workspace_get", {"workspace": WORKSPACE}, timeout=60)
    assert kind == ("managed-identity" if identity else "arm-token")
    assert found["location"] == "eastus"


def without_credentials(azure: Azure) -> dict[str, str]:
    """The environment of a process that shall bring credentials of its own."""
    inherited = azure.emulator.child_environment()
    return {key: value for key, value in inherited.items() if "SERVICE_PRINCIPAL" not in key}


@pytest.mark.parametrize("place", ["machine", "app"])
@pytest.mark.parametrize("chosen", ["", "7d1f0000-0000-4000-8000-000000000009"])
def test_a_managed_identity_opens_the_workspace(azure: Azure, place: str, chosen: str) -> None:
    front = azure.emulator.front
    given = (
        {tokens.METADATA_VARIABLE: front}
        if place == "machine"
        else {"IDENTITY_ENDPOINT": f"{front}/identity/token", "IDENTITY_HEADER": "x"}
    )
    environment = without_credentials(azure) | given | ({"AZURE_CLIENT_ID": chosen} if chosen else {})
    assert credentials.require(environment) == "managed-identity"
    azure.emulator.scores.clear()
    with SdkPool({**environment, CREDENTIAL: "managed-identity"}, size=1) as pool:
        assert pool.call("workspace_get", {"workspace": WORKSPACE}, timeout=60)["location"] == "eastus"
    (asked,) = azure.emulator.scores.all("identity.token")
    assert asked.query.get("client_id", "") == chosen
    assert asked.query["resource"].startswith("https://management.")


def test_a_workload_identity_opens_the_workspace(azure: Azure, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(FEDERATED_TOKEN)
    given = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_FEDERATED_TOKEN_FILE": str(file)}
    environment = without_credentials(azure) | given
    assert credentials.require(environment) == "workload-identity"
    with SdkPool({**environment, CREDENTIAL: "workload-identity"}, size=1) as pool:
        assert pool.call("workspace_get", {"workspace": WORKSPACE}, timeout=60)["location"] == "eastus"


def test_a_federated_token_that_is_refused_is_said_so(azure: Azure, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("of another job")
    given = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_FEDERATED_TOKEN_FILE": str(file)}
    environment = {**without_credentials(azure), **given, CREDENTIAL: "workload-identity"}
    with SdkPool(environment, size=1) as pool, pytest.raises(SdkError, match="AADSTS700213") as caught:
        pool.call("workspace_get", {"workspace": WORKSPACE}, timeout=60)
    assert "of another job" not in str(caught.value)


def test_a_token_is_kept_until_shortly_before_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: now[0]))
    asked: list[str] = []

    def fetch(audience: str) -> tuple[str, float]:
        asked.append(audience)
        return f"token {len(asked)}", now[0] + 3600

    token = tokens.kept(fetch)
    assert [token("a"), token("b"), token("a")] == ["token 1", "token 2", "token 1"]
    now[0] += 3600 - tokens.MARGIN_SECONDS + 1
    assert token("a") == "token 3"


def test_a_login_of_the_azure_cli_opens_the_workspace(azure: Azure, tmp_path: Path) -> None:
    answer = json.dumps({"accessToken": token("https://management.azure.com"), "expires_on": 4_000_000_000})
    (tmp_path / "az").write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    (tmp_path / "az").chmod(0o755)
    environment = without_credentials(azure)
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    with SdkPool({**environment, CREDENTIAL: "azure-cli"}, size=1) as pool:
        assert pool.call("workspace_get", {"workspace": WORKSPACE}, timeout=60)["location"] == "eastus"


def test_a_workspace_that_is_not_there_is_named(azure: Azure) -> None:
    azure.emulator.fault("workspace-gone")
    connection.close()
    with pytest.raises(DeploymentError) as caught:
        azure.run.plan(azure.spec())
    assert "rehearsal" in f"{caught.value.summary} {caught.value.cause}"
    connection.close()
