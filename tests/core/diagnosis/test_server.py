"""Logs of Azure's own scoring server, running entry scripts that fail."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scorewright.diagnosis import Diagnosis, Evidence, diagnose

if TYPE_CHECKING:
    from pathlib import Path

SERVER = """import sys
from azureml_inference_server_http import amlserver
amlserver.DEFAULT_HOST = "127.0.0.1"
amlserver.run()
"""
FAILURES = {
    "import package_that_is_nowhere\ndef init(): pass": ("SW2202", "package_that_is_nowhere"),
    "def init():\n    open('/no/such/model.bin')": ("SW2212", "/no/such/model.bin"),
    "def init():\n    import ctypes\n    ctypes.CDLL('libcusparse.so.11')": ("SW2221", "libcusparse.so.11"),
    "def init():\n    raise ArithmeticError('the moon is wrong')": (None, "ArithmeticError: the moon is wrong"),
    "def other(): pass": (None, "does not have a init() function"),
}


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(folder: Path, script: str) -> Diagnosis:
    """What the doctor says of the log of a server with this entry script, which ends by itself."""
    (folder / "score.py").write_text(f"{script}\ndef run(data): return data\n")
    (folder / "model").mkdir()
    command = [sys.executable, "-c", SERVER, "--entry_script", "score.py", "--model_dir", "model"]
    command += ["--port", str(free_port())]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AZUREML", "AML"))}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode
    return diagnose([Evidence("container log", done.stdout + done.stderr)])


@pytest.mark.parametrize(("script", "expected"), FAILURES.items(), ids=lambda one: str(one[0]))
def test_the_cause_is_found_behind_the_servers_own_exceptions(
    tmp_path: Path, script: str, expected: tuple[str | None, str]
) -> None:
    code, told = expected
    found = started(tmp_path, script)
    assert found.code == code
    assert any(told in line for line in found.quote)
