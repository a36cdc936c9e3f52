"""A replica that really runs: the uploaded code and models in the real inference server, behind a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from .layout import LayoutError
from .replica import Answered, ReplicaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .layout import Layout

PORT = 80
PROBE_SECONDS = 0.05
STOP_SECONDS = 10.0
LOG_BYTES = 4 * 1024 * 1024
LAUNCHER = Path(__file__).with_name("launcher.py")
HOP_BY_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding", "upgrade"})


@dataclass(frozen=True)
class Recipe:
    """How to run a container. ``root``: its folder, made and removed with it. ``socket``: a path short enough for a
    unix socket. ``deadline``: seconds until it must be healthy."""

    interpreter: str
    layout: Layout
    root: Path
    socket: Path
    variables: Mapping[str, str]
    deadline: float


class Container:
    """One process group with the inference server in it."""

    def __init__(self, recipe: Recipe) -> None:
        self.busy = 0
        self._recipe = recipe
        self._process: subprocess.Popen[bytes] | None = None
        self._log = recipe.root.with_name(recipe.root.name + ".log")
        self._address = f"{recipe.socket}:{PORT}"
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Lay out the files, start the server, and wait until it is healthy. Raises `ReplicaError`."""
        try:
            await asyncio.to_thread(self._recipe.layout.build, self._recipe.root)
        except LayoutError as error:
            self._log.write_text(f"{error}\n")
            raise ReplicaError("CrashLoopBackOff", str(error)) from None
        self._spawn()
        connector = aiohttp.UnixConnector(self._address, force_close=True, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        end = time.monotonic() + self._recipe.deadline
        while not await self._healthy():
            if not self.alive():
                raise ReplicaError("CrashLoopBackOff", "the container crashed while it started")
            if time.monotonic() > end:
                raise ReplicaError("DeploymentTimedOut", f"not healthy after {self._recipe.deadline:g} s")
            await asyncio.sleep(PROBE_SECONDS)

    async def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answered:
        """Pass a request on. Raises `ReplicaError` if the server is gone, TimeoutError if it takes too long."""
        if self._session is None:
            raise ReplicaError("CrashLoopBackOff", "the container is not up")
        sent = {key: value for key, value in headers.items() if key.lower() not in HOP_BY_HOP | {"authorization"}}
        limit = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.request(
                method, f"http://container{path}", headers=sent, data=body, timeout=limit
            ) as reply:
                kept = {key: value for key, value in reply.headers.items() if key.lower() not in HOP_BY_HOP}
                return Answered(reply.status, kept, await reply.read())
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise ReplicaError("CrashLoopBackOff", f"the container does not answer: {error}") from None

    def alive(self) -> bool:
        """Whether the server's main process runs."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """The end of what the process has written to its output."""
        with contextlib.suppress(FileNotFoundError), self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - LOG_BYTES))
            return file.read().decode("utf-8", "replace")
        return ""

    async def stop(self) -> None:
        """Ask the process group to end, end it if it does not, and remove its files. The log goes too."""
        if self._session is not None:
            await self._session.close()
        if self._process is not None:
            await asyncio.to_thread(self._end, self._process)
        await asyncio.to_thread(shutil.rmtree, self._recipe.root, ignore_errors=True)
        self._log.unlink(missing_ok=True)
        Path(self._address).unlink(missing_ok=True)

    def _spawn(self) -> None:
        recipe, root = self._recipe, self._recipe.root
        arguments = ["--entry_script", str(root / recipe.layout.entry_script), "--port", str(PORT)]
        variables = {**recipe.variables, "AML_APP_ROOT": str(root)}
        if recipe.layout.model_dir:
            (root / recipe.layout.model_dir).mkdir(parents=True, exist_ok=True)
            variables["AZUREML_MODEL_DIR"] = str(root / recipe.layout.model_dir)
            arguments += ["--model_dir", variables["AZUREML_MODEL_DIR"]]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [recipe.interpreter, "-c", LAUNCHER.read_text(), str(recipe.socket), *arguments],
                cwd=root,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def _healthy(self) -> bool:
        try:
            return (await self.answer("GET", "/", {}, b"", 2.0)).status == 200
        except (ReplicaError, TimeoutError):
            return False

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
