"""The project that `plugin new` writes is clean Python with nothing left to fill in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scorewright.scaffold.plugin import write_plugin

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["acme", "acme-lab", "zzz"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_plugin(request.param, tmp_path)


@pytest.mark.parametrize("verb", ["check", "format --check"])
def test_it_is_clean_python(project: Path, verb: str) -> None:
    command = [sys.executable, "-m", "ruff", *verb.split(), "--no-cache", "--config", str(ROOT / "pyproject.toml"), "."]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_of_the_templates_is_left_unfilled(project: Path) -> None:
    for path in project.rglob("*"):
        if path.is_file() and "templates" not in path.parts:
            assert "{%" not in path.read_text()
            assert "{{" not in path.read_text()


def test_its_own_templates_hold_one_place_each_to_fill(project: Path) -> None:
    found = {path.name: path.read_text().count("{{") for path in project.rglob("*.jinja")}
    assert found == {"score.py.jinja": 1, "conda.yml.jinja": 1}
