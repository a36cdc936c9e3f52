"""A combination that many copied from an old tutorial gets its verdict reason by reason, and the way to what works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scorewright import checks
from scorewright.compat import DEFAULT_SIZE, Need, decide
from scorewright.plugins import PluginManager
from scorewright.resolve import resolve
from scorewright.spec import load
from scorewright.testing import MemoryTarget

MODEL = Path(__file__).parents[3] / "docs" / "examples" / "mnist" / "models" / "checkpoint"
OLD = f"""\
scorewright: 1
cluster: {{name: aks-gpu, vm_size: Standard_NC6, node_count: 3}}
services:
  tf-dnn-mnist:
    model: {{path: {MODEL}}}
    framework: {{name: tensorflow, version: "1.12"}}
    outputs: ["network/output/MatMul:0"]
    replicas: 3
    packages: {{conda: [python=3.6.2], pip: [azureml-defaults==1.0.43]}}
"""
NEW = f"""\
scorewright: 1
cluster: {{name: aks-gpu, vm_size: Standard_NC4as_T4_v3, node_count: 4}}
services:
  tf-dnn-mnist:
    model: {{path: {MODEL}}}
    outputs: ["network/output/MatMul:0"]
    replicas: 3
"""


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    return PluginManager.load()


def _errors(folder: Path, text: str, plugins: PluginManager) -> dict[str, str]:
    path = folder / "deploy.yaml"
    path.write_text(text)
    spec = load(path)
    target = replace(MemoryTarget().record, name="azureml", gpu_default="require")
    resolved = resolve(spec, plugins)
    found = [*resolved.findings, *checks.run(spec, resolved, target, plugins)]
    return {one.code: f"{one.message} | {one.hint}" for one in found if one.level == "error"}


def test_every_part_is_refused_for_its_own_reason(tmp_path: Path, plugins: PluginManager) -> None:
    errors = _errors(tmp_path, OLD, plugins)
    for code, said in {
        "SW1421": ("Standard_NC6 was retired on 2023-09-06", "take Standard_NC4as_T4_v3"),
        "SW1308": ("the scoring server runs on Python 3.9 to 3.13, not on 3.6", "leave the Python"),
        "SW1303": ("tensorflow 1.12.3 (image) runs on Python 3.3 to 3.6", 'ask for version "2.21"'),
        "SW1310": ("brings no scoring server", "leave it out"),
    }.items():
        assert all(part in errors[code] for part in said), errors


def test_what_the_verdict_proposes_is_fine(tmp_path: Path, plugins: PluginManager) -> None:
    assert _errors(tmp_path, NEW, plugins) == {}


def test_the_closest_that_works_is_given_with_all_reasons() -> None:
    decision = decide(Need("tensorflow", version="1.12", python="3.6", vm_size="Standard_NC6"))
    assert not decision.ok
    assert decision.vm_size == DEFAULT_SIZE
    assert decision.resolution.requirements[0].gpu == "tensorflow[and-cuda]==2.21.0"
    assert any("CUDA 9.0 is older than the NVIDIA T4" in line for line in decision.resolution.choices)
