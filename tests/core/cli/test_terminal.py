"""The command on a real terminal: colour, questions, live progress."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scorewright.cli.terminal import table

if TYPE_CHECKING:
    from pathlib import Path


def on_terminal(args: list[str], typed: str = "", **env: str) -> tuple[int, str]:
    """Run the command on a terminal of its own, type something, and return its exit code and all that was shown."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "scorewright", *args]
    clean = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "TERM"}}
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env={**clean, "TERM": "xterm", **env}
    )
    os.close(follower)
    os.write(leader, typed.encode())
    shown = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # What a terminal says when its last user has gone.
            break
        shown += piece
    os.close(leader)
    return process.wait(timeout=60), shown.decode()


@pytest.fixture
def installed(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, its plugin visible to other processes as well."""
    from tests.core.cli.conftest import DATA

    monkeypatch.setenv("PYTHONPATH", str(DATA))
    return project


def test_up_asks_and_shows_live_steps(installed: Path) -> None:
    code, shown = on_terminal(["up"], typed="y\n")
    assert code == 0, shown
    assert "Go on? [y/N]" in shown
    assert "✓" in shown
    assert (installed / "state.json").exists()


def test_up_does_nothing_when_the_answer_is_no(installed: Path) -> None:
    code, shown = on_terminal(["up"], typed="n\n")
    assert code == 2
    assert "SW1907" in shown
    assert not (installed / "state.json").exists()


def test_errors_are_coloured_on_a_terminal() -> None:
    assert "\x1b[31m" in on_terminal(["explain", "SW9999"])[1]


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_not_wanted(env: dict[str, str]) -> None:
    assert "\x1b[" not in on_terminal(["explain", "SW9999"], **env)[1]


def test_a_table_is_aligned_whatever_colour_its_cells_have() -> None:
    text = table(["A", "B"], [["\x1b[31mlonger\x1b[0m", "x"], ["s", "y"]])
    assert [line.index(mark) for line, mark in zip(_plain(text), "Bxy", strict=True)] == [8, 8, 8]


def _plain(text: str) -> list[str]:
    import click

    return click.unstyle(text).splitlines()
