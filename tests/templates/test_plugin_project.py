"""The project that `plugin new` writes works as it stands: it lints, its own tests pass, its bundle serves."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from scorewright.deployer import Deployer
from scorewright.plugins import PluginManager
from scorewright.scaffold.plugin import write_plugin
from scorewright.spec import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_plugin("acme-lab", tmp_path)


def test_its_own_tests_pass(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.parametrize("verb", ["check", "format --check"])
def test_it_is_clean_python(project: Path, verb: str) -> None:
    command = [sys.executable, "-m", "ruff", *verb.split(), "--no-cache", "--config", str(ROOT / "pyproject.toml"), "."]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_of_the_templates_is_left_unfilled(project: Path) -> None:
    for path in project.rglob("*"):
        if path.is_file() and "templates" not in path.parts:
            text = path.read_text()
            assert "{%" not in text
            assert "{{" not in text.replace("{{ name }}", "")


def test_a_model_of_it_is_served_for_real(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(project))
    importlib.invalidate_caches()
    monkeypatch.setenv("SCOREWRIGHT_HOME", str(tmp_path / "home"))
    plugins = PluginManager.load()
    plugins.register(importlib.import_module("scorewright_acme_lab"))
    model = {"weights": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], "bias": [0.5, -0.5]}
    (tmp_path / "small.acme-lab").write_text(json.dumps(model))
    (tmp_path / "deploy.yaml").write_text("scorewright: 1\nservices: {linear: {model: {path: small.acme-lab}}}\n")
    spec = load(tmp_path / "deploy.yaml")
    run = Deployer(target="local", plugins=plugins)
    try:
        result = run.apply(run.plan(spec))
        assert result["linear"].score({"data": [[1.0, 2.0, 3.0]]}) == [[4.5, 4.5]]
    finally:
        left = run.destroy(spec)
    assert not [line for line in left if "linear" in line]
