"""The scaffold of a plugin works as it is written: it builds, passes its own tests, and serves a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.core.cli.conftest import Invoke


@pytest.fixture
def installed(tmp_path: Path, scorewright: Invoke) -> Path:
    """The scaffold of a plugin ``acme-trees``, built into a wheel that is unpacked in the folder ``site``."""
    assert scorewright("plugin", "new", "acme-trees", "--into", str(tmp_path)).code == 0
    folder = tmp_path / "scorewright-acme-trees"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=folder, check=True, capture_output=True
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    return tmp_path


def run(folder: Path, *command: str) -> str:
    """Run Python with the plugin installed and return what it says on stdout."""
    env = {**os.environ, "PYTHONPATH": str(folder / "site"), "SCOREWRIGHT_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass(installed: Path) -> None:
    assert " passed" in run(installed, "pytest", "-q", "scorewright-acme-trees/tests")


def test_it_deploys_and_answers(installed: Path) -> None:
    (installed / "model.acme-trees").write_text(json.dumps({"weights": [[1.0], [10.0]]}))
    run(installed, "scorewright", "init", "model.acme-trees")
    try:
        run(installed, "scorewright", "up", "--yes")
        assert json.loads(run(installed, "scorewright", "score", "--json", '{"data": [[1, 2]]}')) == [[21.0]]
    finally:
        run(installed, "scorewright", "down", "--yes")


@pytest.mark.parametrize("name", ["Acme", "a_b", "1a", "-a", "a--b", "class", "a.b", "../x", ""])
def test_what_cannot_be_a_name_is_refused(scorewright: Invoke, tmp_path: Path, name: str) -> None:
    seen = scorewright("plugin", "new", "--into", str(tmp_path), "--", name)
    assert seen.code == 2
    assert "SW1910" in seen.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(scorewright: Invoke, tmp_path: Path) -> None:
    (tmp_path / "scorewright-acme").mkdir()
    seen = scorewright("plugin", "new", "acme", "--into", str(tmp_path))
    assert seen.code == 2
    assert "SW1911" in seen.err
    assert list((tmp_path / "scorewright-acme").iterdir()) == []
