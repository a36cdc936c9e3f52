"""Exit codes, and how every kind of failure looks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from scorewright.cli import entry, group
from scorewright.errors import CheckError, DeploymentError, ModelError, ScorewrightError
from scorewright.findings import Finding, Level, Location

if TYPE_CHECKING:
    from tests.core.cli.conftest import Invoke


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> type[click.Command]:
    """A way to make the verb ``schema`` raise what a test wants."""

    class Raising(click.Command):
        error: BaseException

        def invoke(self, ctx: click.Context) -> object:
            raise self.error

    command = Raising("schema", params=[click.Option(["-o", "--output"]), click.Option(["-v"], is_flag=True)])
    monkeypatch.setattr(group.Verbs, "get_command", lambda *_: command)
    return Raising


def fail_with(raising: type[click.Command], error: BaseException) -> None:
    """Set what is raised."""
    raising.error = error  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DeploymentError("SW1701", "it broke"), 1),
        (ModelError("SW1201", "no model"), 2),
        (ScorewrightError("SW1601", "full"), 2),
        (CheckError("SW1401", "refused", []), 2),
        (click.UsageError("no"), 2),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("oh"), 1),
        (FileNotFoundError(2, "No such file", "model.bin"), 2),
    ],
)
def test_every_kind_of_failure_has_its_exit_code(
    scorewright: Invoke, raising: type[click.Command], error: BaseException, code: int
) -> None:
    fail_with(raising, error)
    assert scorewright("schema").code == code


def test_a_failure_says_what_why_what_next_and_where_to_read_more(
    scorewright: Invoke, raising: type[click.Command]
) -> None:
    fail_with(raising, DeploymentError("SW1701", "it broke", cause="the disk\nis full", steps=["free some", "again"]))
    seen = scorewright("schema")
    assert seen.out == ""
    assert seen.err.splitlines() == [
        "error SW1701: it broke",
        "  why:  the disk",
        "        is full",
        "  next: free some",
        "        again",
        "  more: scorewright explain SW1701",
    ]


def test_a_failure_is_one_json_document_where_that_was_asked_for(
    scorewright: Invoke, raising: type[click.Command]
) -> None:
    fail_with(raising, DeploymentError("SW1701", "it broke", cause="why", steps=["next"]))
    seen = scorewright("schema", "-o", "json")
    assert seen.json() == {"error": {"code": "SW1701", "summary": "it broke", "cause": "why", "steps": ["next"]}}
    assert seen.err == ""


def test_findings_come_worst_first_each_with_place_key_and_hint(
    scorewright: Invoke, raising: type[click.Command]
) -> None:
    at = Location(Path.cwd() / "deploy.yaml", 7, 5)
    late = Finding(Level.ERROR, "SW1002", "0 is below 1", "give 1 to 1000", "services.mnist.replicas", at)
    early = Finding(Level.WARNING, "SW1402", "no sample", location=Location(Path("/elsewhere/deploy.yaml"), 3, 1))
    fail_with(raising, CheckError("SW1401", "refused", [early, late]))
    assert scorewright("schema").err.splitlines()[:4] == [
        "deploy.yaml:7:5: error SW1002 services.mnist.replicas: 0 is below 1",
        "    give 1 to 1000",
        "/elsewhere/deploy.yaml:3:1: warning SW1402 no sample",
        "error SW1401: refused",
    ]


def test_a_bug_is_called_ours_and_its_traceback_is_shown_only_when_asked_for(
    scorewright: Invoke, raising: type[click.Command]
) -> None:
    fail_with(raising, ZeroDivisionError("oh"))
    short = scorewright("schema")
    assert "error SW1904: ZeroDivisionError: oh" in short.err
    assert "bug of ours" in short.err
    assert "Traceback" not in short.err
    assert "Traceback" in scorewright("schema", "-v").err


@pytest.mark.parametrize("form", [[], ["-o", "json"]])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_on_stderr(form: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "scorewright", "gpus", *form],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("error SW1906: stdout: No space left on device\n")
    assert "Traceback" not in done.stderr


def test_an_interrupted_run_says_how_to_go_on(scorewright: Invoke, raising: type[click.Command]) -> None:
    fail_with(raising, KeyboardInterrupt())
    assert "go on with: scorewright schema -o 'my file'" in scorewright("schema", "-o", "my file").err


@pytest.mark.parametrize("form", [["-o", "json"], ["-ojson"], ["--output", "json"], ["--output=json"]])
def test_bad_usage_is_json_however_json_is_asked_for(scorewright: Invoke, form: list[str]) -> None:
    seen = scorewright("status", "--no-such-option", *form)
    assert seen.code == 2
    assert seen.json()["error"]["code"] == "SW1901"


def test_a_misspelt_verb_gets_the_nearest_one(scorewright: Invoke) -> None:
    seen = scorewright("stauts")
    assert seen.code == 2
    assert "Did you mean 'status'?" in seen.err


def test_an_option_before_the_verb_is_told_its_place(scorewright: Invoke) -> None:
    assert "options stand after the verb" in scorewright("-v", "status").err


def test_no_verb_at_all_shows_the_help_and_is_bad_usage(scorewright: Invoke) -> None:
    seen = scorewright()
    assert seen.code == 2
    assert "Operate:" in seen.err


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scorewright", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("scorewright ")


def test_a_reader_that_goes_away_is_no_bug() -> None:
    """The pipe is closed before anything is written to it."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "scorewright", "explain"]
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (entry.FAILED, "")


def test_ctrl_c_ends_the_real_process_with_130(tmp_path: Path) -> None:
    """The verb is reading standard input when the signal comes."""
    (tmp_path / "deploy.yaml").write_text("services: {}\n")
    command = [sys.executable, "-c", _WAITING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == entry.INTERRUPTED
    assert "error SW1903: interrupted" in err


_WAITING = """
import sys, time
from scorewright.cli import entry, group
import click
def wait():
    print("waiting", flush=True)
    time.sleep(60)
group.Verbs.get_command = lambda *_: click.Command("schema", callback=wait)
sys.exit(entry.run(["schema"]))
"""
