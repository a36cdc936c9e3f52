"""A scoring service on this machine with nothing in front of it, for the length of a measurement."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError

from . import launch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

START_SECONDS = 180.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
INHERITED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "USER")
"""What a server gets of the caller's environment: nothing that could be a credential."""


@dataclass(frozen=True)
class Program:
    """A server to start. ``command``, ``variables``: with ``{port}`` where the port
    belongs. ``folder``: where it runs and its log is
    written. ``health``: a path that is answered with 200 when the model is loaded. ``cpus``: cores that it is bound to;
    None is all of them."""

    name: str
    command: Sequence[str]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    health: str = "/"
    cpus: frozenset[int] | None = None


def azure_server(
    name: str,
    source: Path,
    model: Path,
    variables: Mapping[str, str],
    *,
    cpus: frozenset[int] | None = None,
    python: str = sys.executable,
) -> Program:
    """Azure's inference server with the script in ``source``, in an interpreter. ``model``: the model's folder."""
    command = (python, launch.__file__, str(source), "{port}")
    fixed = {"AML_APP_ROOT": str(source), "AZUREML_MODEL_DIR": str(model), "WORKER_TIMEOUT": "300"}
    return Program(name, command, source, {**variables, **fixed}, cpus=cpus)


class Server:
    """A running `Program`; use it in `with`. ``uri``: the root of its address. ``pid``: of its first process."""

    def __init__(self, program: Program, seconds: float = START_SECONDS) -> None:
        self._program, self._seconds = program, seconds
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.started_in = 0.0

    @property
    def uri(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process that was started; others may stand below it."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> Path:
        """What it wrote."""
        return self._program.folder / f"{self._program.name}.log"

    def __enter__(self) -> Server:
        """Start it and wait until it answers. Raises `DeploymentError` (SW1802)."""
        program = self._program
        self.port = _free_port()
        began = time.perf_counter()
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        given = {name: value.replace("{port}", str(self.port)) for name, value in program.variables.items()}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [part.replace("{port}", str(self.port)) for part in program.command],
                cwd=program.folder,
                env={**inherited, "PYTHONUNBUFFERED": "1", **given},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        if program.cpus is not None:
            os.sched_setaffinity(self.pid, program.cpus)
        try:
            self._wait()
        except BaseException:  # interrupted, too: nothing that was started may stay
            self.stop()
            raise
        self.started_in = time.perf_counter() - began
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def wait(self) -> int:
        """Wait until it has ended by itself. Returns its exit code."""
        assert self._process is not None
        return self._process.wait()

    def stop(self) -> None:
        """End it and all that it started."""
        process = self._process
        assert process is not None
        if process.poll() is None:
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # the group is all that it started
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + self._seconds
        assert self._process is not None
        while not _healthy(self.port, self._program.health):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                why = "it ended" if ended else f"it did not answer within {self._seconds:g} s"
                tail = self.log.read_text("utf-8", "replace").splitlines()[-8:]
                raise DeploymentError(
                    "SW1802", f"{self._program.name} did not start on this machine", cause="\n".join([why, *tail])
                )
            time.sleep(POLL_SECONDS)


def _healthy(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
