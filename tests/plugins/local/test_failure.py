"""A server that does not start: the report names the exception and the line of the user's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scorewright.errors import DeploymentError
from scorewright_local.failure import Crash, Frame, find_chain

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugins.local.conftest import Workbench

RUN = "\ndef run(data):\n    return 1\n"


def fail(bench: Workbench, score: str) -> DeploymentError:
    """The error of a service that does not start. The deadline is far: only noticing the death ends this in time."""
    with pytest.raises(DeploymentError) as caught:
        bench.up(bench.bundle(score=score, probes={"initial_delay_seconds": 100000}))
    return caught.value


def test_an_exception_in_init_is_reported_with_its_line(bench: Workbench) -> None:
    error = fail(bench, "def init():\n    weights = {}\n    weights['layer/1']\n" + RUN)

    assert error.code == "SW2005"
    assert error.summary == "Service digits did not start: KeyError: 'layer/1'"
    assert error.cause is not None
    assert "score.py:3: weights['layer/1']" in error.cause
    assert "Worker failed to boot" in error.cause


def test_the_users_own_file_is_named_rather_than_its_copy(bench: Workbench) -> None:
    handler = bench.folder / "handler.py"
    handler.write_text("def preprocess():\n    raise RuntimeError('two\\nlines')\n")
    bundle = bench.bundle(score="import handler\ndef init():\n    handler.preprocess()\n" + RUN, handler=str(handler))
    bundle = type(bundle)(**{**vars(bundle), "files": {**bundle.files, "handler.py": handler.read_bytes()}})

    with pytest.raises(DeploymentError) as caught:
        bench.up(bundle)

    assert caught.value.summary == "Service digits did not start: RuntimeError: two"
    assert caught.value.cause is not None
    assert caught.value.cause.startswith(f"{handler}:2: raise RuntimeError('two\\nlines')\nRuntimeError: two\nlines\n")
    assert any(f"{handler}:2" in step for step in caught.value.steps)


@pytest.mark.parametrize(("name", "where"), [("handler", "handler"), ("model_module.net", "model_module/net")])
def test_the_users_own_file_is_named_whatever_the_bundle_calls_it(bench: Workbench, name: str, where: str) -> None:
    mine = bench.folder / "my own.py"
    mine.write_text("import no_such_package\n")
    bundle = bench.bundle(score=f"import {name}\ndef init():\n    pass\n" + RUN, handler=str(mine))
    bundle = type(bundle)(**{**vars(bundle), "files": {**bundle.files, f"{where}.py": mine.read_bytes()}})

    with pytest.raises(DeploymentError) as caught:
        bench.up(bundle)

    assert caught.value.cause is not None
    assert caught.value.cause.startswith(f"{mine}:1: import no_such_package\n")


def test_the_exception_that_init_ended_with_is_reported_not_what_led_to_it(bench: Workbench) -> None:
    score = "def init():\n    try:\n        1 / 0\n    except ZeroDivisionError as error:\n"
    error = fail(bench, score + "        raise ValueError('no scale') from error\n" + RUN)

    assert error.summary.endswith("ValueError: no scale")
    assert error.cause is not None
    assert "score.py:5: raise ValueError('no scale') from error" in error.cause


@pytest.mark.parametrize(
    ("score", "summary"),
    [
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def init(:\n", "SyntaxError: "),
        ("import sys\ndef init():\n    sys.exit('enough')\n" + RUN, "SystemExit: enough"),
        ("def init():\n    raise AssertionError\n" + RUN, "did not start: AssertionError"),
    ],
    ids=["import", "syntax", "exit", "no message"],
)
def test_other_ways_to_fail_are_named_too(bench: Workbench, score: str, summary: str) -> None:
    error = fail(bench, score)

    assert summary in error.summary
    assert error.cause is not None
    assert "score.py:" in error.cause


def test_a_worker_that_the_system_kills_is_not_started_again_and_again(bench: Workbench) -> None:
    error = fail(bench, "import os, signal\ndef init():\n    os.kill(os.getpid(), signal.SIGKILL)\n" + RUN)

    assert error.summary == "Service digits did not start: its process was ended by SIGKILL."
    assert any("memory" in step for step in error.steps)


def test_a_server_that_just_ends_is_reported_with_its_log(bench: Workbench) -> None:
    error = fail(bench, "import os\ndef init():\n    print('last words', flush=True)\n    os._exit(3)\n" + RUN)

    assert error.code == "SW2005"
    assert error.cause is not None
    assert "last words" in error.cause


def test_a_start_that_hangs_ends_at_its_deadline(
    bench: Workbench, find_strays: Callable[[], list[str]], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    probes = {"initial_delay_seconds": 1, "failure": 1, "period_seconds": 1}
    with pytest.raises(DeploymentError) as caught:
        bench.up(bench.bundle(score="import time\ndef init():\n    time.sleep(1000)\n" + RUN, probes=probes))

    assert caught.value.code == "SW2006"
    assert "within 2 s" in caught.value.summary
    eventually(lambda: find_strays() == [])


def test_a_log_without_a_traceback_has_no_crash() -> None:
    assert find_chain(["2026-01-01 00:00:00,000 I [1] azmlinfsrv - Starting", ""]) == ()


def test_a_traceback_is_read_with_its_frames_and_its_whole_message() -> None:
    log = [
        "2026-01-01 00:00:00,000 E [1] azmlinfsrv - Encountered Exception Traceback (most recent call last):",
        '  File "/app/bundle/score.py", line 4, in init',
        "    load()",
        "    ~~~~^^",
        '  File "/app/bundle/loader.py", line 9, in load',
        "    raise ModelError(text)",
        "loader.ModelError: wrong shape:",
        "  expected (1, 2)",
        "2026-01-01 00:00:00,001 I [1] azmlinfsrv - Model Directory Contents:",
    ]

    (crash,) = find_chain(log)
    assert crash == Crash(
        "loader.ModelError",
        "wrong shape:\n  expected (1, 2)",
        (Frame("/app/bundle/score.py", 4, "load()"), Frame("/app/bundle/loader.py", 9, "raise ModelError(text)")),
    )


def test_exceptions_that_were_only_logged_do_not_count() -> None:
    logged = [
        "Traceback (most recent call last):",
        '  File "/app/a.py", line 1, in a',
        "    a()",
        "OSError: passed over",
    ]
    cause = ["Traceback (most recent call last):", '  File "/app/b.py", line 2, in b', "    b()", "KeyError: 'b'", ""]
    link = ["The above exception was the direct cause of the following exception:", ""]
    end = ["Traceback (most recent call last):", '  File "/app/c.py", line 3, in c', "    c()", "ValueError: c"]

    assert [crash.type for crash in find_chain([*logged, "", *cause, *link, *end])] == ["KeyError", "ValueError"]


def test_a_wrapped_exception_is_told_in_the_runtimes_words_at_the_users_line(bench: Workbench) -> None:
    handler = bench.folder / "handler.py"
    handler.write_text("WEIGHTS = {}\nWEIGHTS['a']\n")
    score = (
        "from scorewright_runtime import StartError\n"
        "def init():\n"
        "    try:\n"
        "        import handler\n"
        "    except KeyError as error:\n"
        "        raise StartError('SW1503', 'the handler fails') from error\n"
    )
    runtime = "class StartError(Exception):\n    def __str__(self):\n        return ': '.join(self.args)\n"
    bundle = bench.bundle(score=score + RUN, handler=str(handler))
    files = {**bundle.files, "handler.py": handler.read_bytes(), "scorewright_runtime/__init__.py": runtime.encode()}

    with pytest.raises(DeploymentError) as caught:
        bench.up(type(bundle)(**{**vars(bundle), "files": files}))

    assert caught.value.summary == "Service digits did not start: SW1503: the handler fails"
    assert caught.value.cause is not None
    assert caught.value.cause.startswith(f"{handler}:2: WEIGHTS['a']\n")
    assert any("scorewright explain SW1503" in step for step in caught.value.steps)
