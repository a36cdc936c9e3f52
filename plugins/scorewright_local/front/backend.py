"""One inference server behind the front: started, watched, called over its socket, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections import deque
from typing import TYPE_CHECKING

from scorewright_local import guard, serve
from scorewright_local.front.wire import Ask, BrokenOff, exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from scorewright_local.front.log import RotatingLog
    from scorewright_local.front.wire import Answer
    from scorewright_local.layout import Version

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.05
TAIL_LINES = 2000
LINE_LIMIT = 65536
QUEUE_SECONDS = 0.5
"""How long a request waits for its turn where ``max_concurrent_requests`` is reached; Azure ML's default."""

WORKER_KILLED = re.compile(r"Worker \(pid:\d+\) was sent (SIG\w+)!")
"""What gunicorn says when its worker was ended by a signal; it then starts another, and so on without end."""


class StartFailed(Exception):
    """The server ended, or did not answer, before it was ever healthy. ``reason``: ``exit``, ``signal`` or
    ``timeout``; ``lines``: what it wrote last."""

    def __init__(self, reason: str, detail: str, lines: list[str]) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.lines = lines


class Busy(Exception):
    """The service has as many requests as it may."""


class Backend:
    """A server for one version. ``healthy``: it has answered and not ended since. ``device``: the last one that an
    answer named."""

    def __init__(self, version: Version, socket: Path, log: RotatingLog) -> None:
        self.version = version
        self.healthy = False
        self.device: str | None = None
        self.on_line: Callable[[str], None] | None = None
        self._socket = socket
        self._log = log
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._killed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._in_flight = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        limit = version.launch["max_concurrent_requests"]
        self._turns = None if limit is None else asyncio.Semaphore(int(limit))
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self, lock: int) -> None:
        """Start the server's process; ``lock`` stays locked until it is gone."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", guard.__file__, str(GRACE_SECONDS)),
            *(str(self.version.launch["python"]), serve.__file__, str(self._socket)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(self.version.launch["environment"]),
            cwd=self.version.app,
            pass_fds=(lock,),
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._reader = asyncio.create_task(self._read(self._process.stdout))

    async def wait_healthy(self) -> None:
        """Return once the server has answered its health probe.

        Raises `StartFailed` if it ends first, or if the version's deadline passes.
        """
        seconds = float(self.version.launch["deadline_seconds"])
        answered = asyncio.create_task(self._answered())
        ended = asyncio.create_task(self.ended())
        waiting: list[asyncio.Future[object]] = [answered, ended, self._killed]  # type: ignore[list-item]
        try:
            done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answered.cancel()
            ended.cancel()
        if self._killed in done:
            raise StartFailed("signal", self._killed.result(), list(self._tail))
        if ended in done:
            raise StartFailed("exit", f"exit status {ended.result()}", list(self._tail))
        if answered not in done:
            raise StartFailed("timeout", f"{seconds:g}", list(self._tail))
        self.healthy = True

    async def ended(self) -> int:
        """Wait until the server has ended and all it wrote is read; returns its exit status."""
        assert self._process is not None
        assert self._reader is not None
        status = await self._process.wait()
        await asyncio.wait([self._reader], timeout=GRACE_SECONDS)
        self.healthy = False
        return status

    async def stop(self, drain_seconds: float = 0.0) -> None:
        """Let running requests end, then end the server and wait until nothing of it is left."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_seconds):
                await self._quiet.wait()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self.ended()
        self._socket.unlink(missing_ok=True)

    def exchange(self, ask: Ask) -> AbstractAsyncContextManager[Answer]:
        """Send the server a request; see `wire.exchange`."""
        return exchange(str(self._socket), ask)

    def hurry(self) -> None:
        """Cut short the wait for running requests in `stop`."""
        self._quiet.set()

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Count one request as running."""
        self._in_flight += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._quiet.set()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold one of the places that ``max_concurrent_requests`` allows. Raises `Busy` if none gets free in time."""
        if self._turns is None:
            yield
            return
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise Busy from None
        try:
            yield
        finally:
            self._turns.release()

    async def _answered(self) -> None:
        """Return once the health probe is answered. The server listens before it has loaded the model and answers
        after, so there is one long wait at most."""
        ask = Ask("GET", "/", [(b"Host", b"localhost")])
        while True:
            with contextlib.suppress(BrokenOff, OSError):
                async with self.exchange(ask) as answer:
                    if (await answer.head()).status_code == 200:
                        return
            await asyncio.sleep(POLL_SECONDS)

    async def _read(self, stream: asyncio.StreamReader) -> None:
        """Pass what the server writes to the log, line by line."""
        rest = b""
        while chunk := await stream.read(LINE_LIMIT):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)
            if len(rest) > LINE_LIMIT:
                self._take(rest)
                rest = b""
        if rest:
            self._take(rest)

    def _take(self, data: bytes) -> None:
        line = data.decode("utf-8", "replace").rstrip("\r")
        self._log.write(line)
        self._tail.append(line)
        if self.on_line is not None:
            self.on_line(line)
        killed = WORKER_KILLED.search(line)
        if killed and not self._killed.done():
            self._killed.set_result(killed[1])
