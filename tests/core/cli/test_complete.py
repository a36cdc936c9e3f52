"""What the shell offers after Tab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.core.cli.conftest import Invoke


def offered(words: str) -> list[str]:
    """What completing the last word of a command line offers, through the protocol that the shell's script speaks."""
    env = {
        **os.environ,
        "_SCOREWRIGHT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run([sys.executable, "-m", "scorewright"], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.split(",", 1)[1] for line in done.stdout.splitlines() if line]


@pytest.fixture
def visible(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, its plugin visible to other processes as well."""
    from tests.core.cli.conftest import DATA

    monkeypatch.setenv("PYTHONPATH", str(DATA))
    return project


def test_verbs_are_offered() -> None:
    assert offered("scorewright pl") == ["plan", "plugins", "plugin"]


def test_services_of_the_file_are_offered(visible: Path) -> None:
    assert offered("scorewright score t") == ["two"]
    assert offered("scorewright up --service ") == ["one", "two"]


def test_services_of_another_file_are_offered(visible: Path) -> None:
    (visible / "other.yaml").write_text("services: {three: {}}\n")
    assert offered("scorewright logs --file other.yaml ") == ["three"]


@pytest.mark.parametrize("text", ["services: [", "services: 3", "- 1", "services: {1: 2}"])
def test_a_broken_file_offers_nothing_and_says_nothing(visible: Path, text: str) -> None:
    (visible / "deploy.yaml").write_text(text)
    assert offered("scorewright score ") == []


def test_targets_and_codes_are_offered(visible: Path) -> None:
    assert offered("scorewright plan -t ") == ["shelf"]
    assert "SW1902" in offered("scorewright explain sw19")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script(scorewright: Invoke, shell: str) -> None:
    assert "_SCOREWRIGHT_COMPLETE" in scorewright("completion", shell).out


def test_the_script_is_one_that_bash_takes(scorewright: Invoke, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = tmp_path / "completion.bash"
    script.write_text(scorewright("completion", "bash").out)
    subprocess.run([bash, "-n", str(script)], check=True)
