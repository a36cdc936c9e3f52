"""The verbs' table, and what a start of the command loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from scorewright.cli import verbs
from scorewright.cli.verbs import VERBS

if TYPE_CHECKING:
    from tests.core.cli.conftest import Invoke

HEAVY = (
    "azure azureml h5py httpx jinja2 numpy onnxruntime packaging platformdirs "
    "pluggy pydantic rich ruamel tensorflow torch"
)
SHARED = frozenset(["-f", "--file", "-t", "--target", "--service", "--set", "-o", "--output", "--events", "--quiet"])
REPORT = f"""
import sys
found = [name for name in "{HEAVY}".split() if name in sys.modules]
verbs = [name for name in sys.modules if name.startswith("scorewright.cli.verbs.")]
print(*found, *verbs)
"""


def loaded_by(code: str) -> list[str]:
    """The heavy packages and the verbs that a fresh Python has loaded after running the code."""
    done = subprocess.run([sys.executable, "-c", code + REPORT], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def test_importing_scorewright_loads_nothing_heavy() -> None:
    assert loaded_by("import scorewright") == []


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["nonsense"], []])
def test_starting_the_command_loads_nothing_heavy_and_no_verb(args: list[str]) -> None:
    assert loaded_by(f"from scorewright.cli.entry import run\nrun({args!r})\n") == []


def test_a_verbs_help_loads_nothing_heavy() -> None:
    assert [
        name for name in loaded_by('from scorewright.cli.entry import run\nrun(["up", "-h"])\n') if "." not in name
    ] == []


def test_every_module_of_the_folder_is_a_verb_and_the_other_way_round() -> None:
    folder = Path(verbs.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == {
        verb.module for verb in VERBS.values() if "." not in verb.module
    }


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_a_command_with_help_of_its_own(name: str) -> None:
    command = VERBS[name].load()
    assert isinstance(command, click.Command)
    assert command.help


@pytest.mark.parametrize("name", [name for name in VERBS if name != "plugin"])
def test_every_verb_takes_the_shared_options(name: str) -> None:
    command: click.Command = VERBS[name].load()
    taken = {flag for parameter in command.params for flag in parameter.opts}
    assert taken >= SHARED | {"-v", "--verbose", "--yes"}


def test_the_help_lists_every_verb_with_its_summary(scorewright: Invoke) -> None:
    text = " ".join(scorewright("--help").out.split())
    for name, verb in VERBS.items():
        assert f"{name} {verb.summary}" in text
