"""Time-outs, access, names and packages of services."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from scorewright.checks.access import certificates, consent, transport
from scorewright.checks.names import variables
from scorewright.checks.packages import packages
from scorewright.checks.timeouts import start, timeouts

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Ask

CLUSTER = {"vm_size": "Standard_NC4as_T4_v3"}


@pytest.mark.parametrize(
    ("target", "cluster", "timeout", "effective"),
    [
        ("azureml", CLUSTER, 60000, None),
        ("azureml", CLUSTER, 90000, 60),
        ("azureml", CLUSTER, 600000, 60),
        ("azureml-v2", None, 180000, None),
        ("azureml-v2", None, 200000, 180),
        ("azureml-v2", CLUSTER, 250000, 240),
        ("local", CLUSTER, 3600000, None),
    ],
)
def test_the_effective_timeout_is_the_shortest_of_the_chain(
    ask: Ask, target: str, cluster: dict[str, Any] | None, timeout: int, effective: int | None
) -> None:
    found = ask(timeouts, {"mnist": {"timeout_ms": timeout}}, cluster, target=target)
    assert len(found) == (effective is not None)
    for finding in found:
        assert (finding.code, finding.path) == ("SW1435", "services.mnist.timeout_ms")
        assert f"The effective limit is {effective} s" in finding.message
        assert (finding.hint or "").startswith(f"timeout_ms: {(effective or 0) * 1000}")


def test_probes_that_end_a_service_too_early_are_told(ask: Ask) -> None:
    hasty = {"mnist": {"probes": {"initial_delay_seconds": 5}}}
    assert [finding.code for finding in ask(start, hasty)] == ["SW1434"]
    assert ask(start, hasty, target="local") == ask(start) == []


def test_keys_in_the_clear_are_told_once_for_all_services(ask: Ask) -> None:
    services: dict[str, Any] = {"one": {}, "two": {}, "all": {"auth": "none"}}
    found = ask(transport, services, CLUSTER)
    assert [(finding.code, finding.path) for finding in found] == [
        ("SW1436", "services.all.auth"),
        ("SW1436", "cluster.tls"),
    ]
    assert "one, two" in found[1].message
    assert ask(transport, services, CLUSTER, target="local") == []
    assert ask(transport, {"one": {}}, {**CLUSTER, "tls": {"leaf_domain_label": "mine"}}) == []


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    return _make(tmp_path, "one")


def _make(folder: Path, name: str) -> tuple[Path, Path]:
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    subprocess.run([*command, "-out", str(cert), "-keyout", str(key)], check=True, capture_output=True)
    return cert, key


def _tls(cert: Path, key: Path) -> dict[str, Any]:
    return {**CLUSTER, "tls": {"cname": "a.example.org", "cert_file": str(cert), "key_file": str(key)}}


def test_a_certificate_and_its_key_are_fine(ask: Ask, pair: tuple[Path, Path]) -> None:
    assert ask(certificates, cluster=_tls(*pair)) == []


def test_certificates_that_cannot_be_used_are_refused(ask: Ask, pair: tuple[Path, Path], tmp_path: Path) -> None:
    cert, key = pair
    _, other = _make(tmp_path, "other")
    locked = tmp_path / "locked.key"
    command = ["openssl", "rsa", "-aes128", "-passout", "pass:secret", "-in", str(key), "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate")
    for bad_cert, bad_key, said in [
        (cert, other, "together"),
        (nothing, key, "together"),
        (tmp_path / "missing.pem", key, "cannot be read"),
        (cert, locked, "password"),
    ]:
        (finding,) = ask(certificates, cluster=_tls(bad_cert, bad_key))
        assert (finding.code, finding.level) == ("SW1439", "error")
        assert said in finding.message


def test_consent_to_code_in_models_is_noted(ask: Ask) -> None:
    (finding,) = ask(consent, {"mnist": {"model": {"name": "m", "allow_pickle": True}}})
    assert (finding.code, finding.level) == ("SW1438", "info")
    assert ask(consent) == []


def test_variables_that_are_not_the_users_are_refused(ask: Ask) -> None:
    env = {"AZUREML_MODEL_DIR": "/x", "LD_LIBRARY_PATH": "/x", "MINE": "1"}
    found = ask(variables, {"mnist": {"env": env}})
    assert [(finding.level, finding.path) for finding in found] == [
        ("error", "services.mnist.env.AZUREML_MODEL_DIR"),
        ("warning", "services.mnist.env.LD_LIBRARY_PATH"),
    ]


def test_packages_that_do_not_go_together_are_refused_with_the_source(ask: Ask) -> None:
    service = {"packages": {"pip": ["numpy==2.1.0"]}}
    (finding,) = ask(packages, {"mnist": service}, requirements=("torch==2.2.2",))
    assert (finding.code, finding.level, finding.path) == ("SW1310", "error", "services.mnist.packages.pip")
    assert "https://github.com/pytorch/pytorch/issues/132179" in finding.message
    assert ask(packages, {"mnist": service}, requirements=("torch==2.3.0",)) == []


def test_rules_that_are_not_certain_only_warn(ask: Ask) -> None:
    found = ask(packages, {"mnist": {"packages": {"pip": ["onnxruntime"]}}}, requirements=("onnxruntime-gpu==1.31.1",))
    assert [finding.level for finding in found] == ["warning"]
