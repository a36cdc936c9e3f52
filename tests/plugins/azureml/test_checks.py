"""What the azureml target says before anything is asked of Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.plugins.azureml.conftest import EXAMPLE, HEAD, ONNX

import scorewright
from scorewright_azureml.connection import workspace_of
from scorewright_azureml.services import candidate_name

if TYPE_CHECKING:
    from pathlib import Path

CREDENTIALS = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
OTHER = ONNX.replace("  digits:", "  letters:")


def codes(folder: Path, services: str = ONNX, head: str = HEAD) -> dict[str, str]:
    """The findings of this target by code, each with its key."""
    (folder / "deploy.yaml").write_text(head + services)
    report = scorewright.Deployer(target="azureml").check(scorewright.load(folder / "deploy.yaml"))
    return {finding.code: finding.path or "" for finding in report.findings if finding.code.startswith("SW21")}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CREDENTIALS:
        monkeypatch.setenv(name, "x")


def test_a_good_file_has_nothing_to_be_said(tmp_path: Path) -> None:
    assert codes(tmp_path) == {}


@pytest.mark.parametrize(
    ("services", "code", "path"),
    [
        (f"{ONNX}{ONNX.replace('  digits:', '  digits-next:')}", "SW2108", "services.digits-next"),
        (f"{ONNX}    replicas: 6\n", "SW2109", "services.digits.replicas"),
        (
            f"{ONNX}    azureml: {{legacy_inference_config: true}}\n",
            "SW2130",
            "services.digits.azureml.legacy_inference_config",
        ),
        (
            f"{ONNX}    probes: {{initial_delay_seconds: 5}}\n",
            "SW2131",
            "services.digits.probes.initial_delay_seconds",
        ),
    ],
)
def test_what_this_target_alone_knows_is_told(tmp_path: Path, services: str, code: str, path: str) -> None:
    assert codes(tmp_path, services) == {code: path}


def test_two_files_under_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes((EXAMPLE / "models" / "mnist.onnx").read_bytes() + b"\x82\x01\x00")
    named = ONNX.replace("mnist.onnx}", "mnist.onnx, name: shared}")
    other = named.replace("  digits:", "  letters:").replace(f"{EXAMPLE}/models/mnist", "other")
    assert codes(tmp_path, named + other) == {"SW2132": "services.letters.model.name"}
    assert codes(tmp_path, named + named.replace("  digits:", "  letters:")) == {}


def test_what_is_missing_around_the_services_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CREDENTIALS[0])
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    for name in ("AZUREML_SERVICE_PRINCIPAL_ID", "AZUREML_ARM_TOKEN", "MSI_ENDPOINT", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    found = codes(tmp_path, head="scorewright: 1\nservices:\n")
    assert found.keys() == {"SW2101", "SW2102", "SW2107"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{bad", "config.json cannot be read"),
        ('{"subscription_id": "s", "resource_group": "g"}', "config.json has no workspace_name"),
        ('{"name": "of another program"}', "there is no config.json"),
    ],
)
def test_a_config_file_that_will_not_do_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_text(text)
    (tmp_path / "deploy.yaml").write_text("scorewright: 1\nservices:\n" + ONNX)
    with pytest.raises(scorewright.DeploymentError) as refused:
        workspace_of(scorewright.load(tmp_path / "deploy.yaml"))
    assert refused.value.code == "SW2102"
    assert said in str(refused.value.cause)


@pytest.mark.parametrize("name", ["digits", "a" * 27, "a" * 28, "a" * 32])
def test_a_candidate_has_a_name_that_azure_takes(name: str) -> None:
    assert len(candidate_name(name)) <= 32
    assert candidate_name(name).endswith("-next")


def test_long_names_that_begin_alike_have_candidates_of_their_own() -> None:
    assert candidate_name("a" * 30 + "-b") != candidate_name("a" * 30 + "-c")
