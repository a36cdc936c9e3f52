"""Every example of the documentation: those that are marked run, the others are checked as far as their kind allows."""

from __future__ import annotations

import doctest
import json
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from tests.docs.conftest import EXAMPLES, PAGES, ROOT, Block, blocks, commands

import scorewright
from scorewright.cli.verbs import VERBS

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS = blocks()
RUNNING = sorted({block.page for block in BLOCKS if block.runs})
INLINE = re.compile(r"`(scorewright [a-z][^`]*)`")


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example's folder as the current one, and a home of its own for what is deployed from it."""
    folder = tmp_path / "mnist"
    shutil.copytree(EXAMPLES / "mnist", folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SCOREWRIGHT_HOME", str(tmp_path / "home"))
    return folder


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run_in_order(page: Path, example: Path) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    try:
        for block in BLOCKS:
            if block.page != page or not block.runs:
                continue
            if block.language == "python":
                exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
            else:
                for command, expected in commands(block.text):
                    assert_shows(command, expected)
    finally:
        subprocess.run([sys.executable, "-m", "scorewright", "down", "--yes", "--quiet"], check=True)


def assert_shows(command: str, expected: str) -> None:
    """Run a command of ours and compare what it shows; ``...`` stands for anything."""
    name, *args = shlex.split(command)
    assert name == "scorewright", command
    done = subprocess.run([sys.executable, "-m", name, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert not expected or doctest.OutputChecker().check_output(expected, done.stdout, flags), (
        f"{command}\n{done.stdout}"
    )


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language == "python"], ids=str)
def test_python_blocks_compile(block: Block) -> None:
    text = re.sub(r"^(def .*)$", r"\1: ...", block.text) if "plugin-api" in block.page.name else block.text
    compile(text, str(block), "exec")


def test_json_blocks_are_json() -> None:
    for block in BLOCKS:
        if block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one.language == "yaml" and "services:" in one.text], ids=str
)
def test_whole_deploy_files_are_accepted(block: Block, tmp_path: Path) -> None:
    if "scorewright: 1" not in block.text:
        pytest.skip("a fragment")
    file = tmp_path / "deploy.yaml"
    file.write_text(block.text)
    names = {name: "x" for name in re.findall(r"\$\{(\w+)", block.text)}
    assert scorewright.load(file, env=names).services


def named_commands() -> list[tuple[str, str]]:
    """Every command of ours that any page names, in a console block or within a sentence, with its page."""
    shown = [(command, block) for block in BLOCKS if block.language == "console" for command, _ in commands(block.text)]
    found = [(command, str(block)) for command, block in shown if command.startswith("scorewright ")]
    for page in PAGES:
        found += [(command, page.name) for command in INLINE.findall(page.read_text(encoding="utf-8"))]
    return sorted(set(found))


@pytest.mark.parametrize(("command", "where"), named_commands())
def test_every_command_that_is_named_exists_with_its_options(command: str, where: str) -> None:
    verb, *args = shlex.split(re.split(r" [>|&]", command)[0])[1:]
    assert verb in VERBS, f"{where} names {command!r}"
    known = VERBS[verb].load()
    try:
        known.make_context(verb, args)
    except (click.BadParameter, click.BadOptionUsage):
        pass  # A file or a value that stands for the reader's own.
    except click.exceptions.Exit:
        pass  # --help
