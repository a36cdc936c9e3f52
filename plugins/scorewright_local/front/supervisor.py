"""The front's life: which server is current, which one is a candidate, what is restarted and what is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from scorewright_local.files import is_at, read_json, remove_tree, write_json
from scorewright_local.front import control, proxy
from scorewright_local.front.backend import Backend, StartFailed
from scorewright_local.front.log import RotatingLog
from scorewright_local.layout import prune, read_version
from scorewright_local.places import make_private

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from scorewright_local.layout import Version
    from scorewright_local.places import ServicePlace

HOST = "127.0.0.1"
EXPECT_SECONDS = 10.0
SHUTDOWN_SECONDS = 5.0
"""How long running requests may take to end when the service is taken down."""
LOOK_SECONDS = 2.0
"""How often the front looks whether its folder is still there."""
BACKOFF_SECONDS = (0.5, 30.0)


@dataclass
class Candidate:
    """A server that may become the current one. ``key``: what its private address takes."""

    backend: Backend
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    uri: str = ""
    promoted: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """Everything that one front does. ``lock``: descriptor of the lock that says it lives."""

    def __init__(self, place: ServicePlace, sockets: Path, lock: int) -> None:
        self.place = place
        self.current: Backend | None = None
        self.candidate: Candidate | None = None
        self.port = 0
        self.restarts = 0
        self._sockets = make_private(sockets)
        self._lock = lock
        self._log = RotatingLog(place.log)
        self._numbers = itertools.count(1)
        # A server deletes its socket when it ends, by name: no other front's server may have the same.
        self._mark = secrets.token_hex(2)
        self._stopping = asyncio.Event()
        self._unclaimed = asyncio.Event()
        self._one_candidate = asyncio.Lock()
        self._draining: set[Backend] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._keys: tuple[str, ...] = ()
        self.load_keys()

    async def run(self) -> None:
        """Listen and keep the service alive until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        control_socket = self._sockets / "control.sock"
        control_socket.unlink(missing_ok=True)
        public = await self._listen(proxy.application(lambda: self.current, self.keys))
        private = web.AppRunner(
            control.application(self), access_log=None, handler_cancellation=True, shutdown_timeout=1.0
        )
        await private.setup()
        await web.UnixSite(private, str(control_socket)).start()
        write_json(self.place.front, {"control": str(control_socket), "pid": os.getpid()})
        self._ready(control_socket)
        # Whoever starts a front comes with a candidate; the version before is only started again if none comes.
        loop.call_later(EXPECT_SECONDS, self._expect_none)
        lasting = [asyncio.create_task(self._keep()), asyncio.create_task(self._watch_folder())]
        await self._stopping.wait()
        await self._end(lasting, public, private)

    def stop(self) -> None:
        """End the service: no more requests, running ones finish, servers stop."""
        self._stopping.set()

    def keys(self) -> tuple[str, ...]:
        """The keys that callers may use now; none where the current version needs none."""
        return () if self.current is None or self.current.version.launch["auth"] == "none" else self._keys

    def load_keys(self) -> None:
        """Take over what the file of keys says."""
        self._keys = tuple(str(key) for key in read_json(self.place.keys).values())

    def version(self) -> Version | None:
        """The current version: the one that is started again whenever its server ends."""
        name = read_json(self.place.record).get("current")
        return read_version(self.place.versions / name) if name else None

    @contextlib.asynccontextmanager
    async def trial(self, name: str) -> AsyncIterator[Candidate]:
        """Start a version's server as candidate. Unless it is promoted before the block ends, nothing of it stays.

        Raises `FileNotFoundError` if there is no such version.
        """
        async with self._one_candidate:
            version = read_version(self.place.versions / name)
            if version is None:
                raise FileNotFoundError(name)
            candidate = self.candidate = Candidate(await self._launch(version))
            runner = await self._listen(proxy.application(lambda: candidate.backend, lambda: (candidate.key,)), 0)
            candidate.uri = f"http://{HOST}:{_port(runner)}"
            try:
                yield candidate
            finally:
                # The caller may be gone, which cancels us; what it began is undone all the same.
                await asyncio.shield(self._spawn(self._close(candidate, runner)))

    def promote(self, name: str) -> None:
        """Make the candidate current, at once and for good; the server before finishes what it has begun.

        Raises `LookupError` unless it is the candidate and healthy.
        """
        candidate = self.candidate
        if candidate is None or candidate.backend.version.id != name or not candidate.backend.healthy:
            raise LookupError(name)
        before, record = self.current, read_json(self.place.record)
        previous = record.get("current") if record.get("current") != name else record.get("previous")
        write_json(self.place.record, {"port": self.port, "current": name, "previous": previous})
        self.current = candidate.backend
        self.place.failure.unlink(missing_ok=True)
        candidate.promoted.set()
        self._log.note(f"version {name} is current")
        if before is not None:
            self._spawn(self._drain(before))
        prune(self.place)

    def describe(self) -> dict[str, Any]:
        """What there is, as plain values without secrets."""
        version = self.version()
        backend = self.current
        healthy = backend is not None and backend.healthy
        return {
            "pid": os.getpid(),
            "port": self.port,
            "state": "healthy" if healthy else "changing" if self.candidate else "unhealthy",
            "current": None if version is None else version.id,
            "previous": read_json(self.place.record).get("previous"),
            "device": None if backend is None else backend.device,
            "restarts": self.restarts,
        }

    def _expect_none(self) -> None:
        if not self._one_candidate.locked():
            self._unclaimed.set()

    async def _launch(self, version: Version) -> Backend:
        socket = self._sockets / f"{self._mark}{next(self._numbers)}.sock"
        socket.unlink(missing_ok=True)
        backend = Backend(version, socket, self._log)
        self._log.note(f"starting version {version.id}")
        await backend.start(self._lock)
        return backend

    async def _keep(self) -> None:
        """Start the current version again whenever its server has ended; stop if there is nothing to keep."""
        await self._unclaimed.wait()
        delay = BACKOFF_SECONDS[0]
        while not self._stopping.is_set():
            version = await self._wanted()
            if self.current is not None:
                await self._watch(self.current)
            elif version is None:
                self.stop()
            elif await self._restart(version):
                delay = BACKOFF_SECONDS[0]
            else:
                await asyncio.sleep(delay)
                delay = min(2 * delay, BACKOFF_SECONDS[1])

    async def _watch_folder(self) -> None:
        """Stop once the service's folder was deleted: no command would find this front any more."""
        while is_at(self.place.alive, self._lock):
            await asyncio.sleep(LOOK_SECONDS)
        self.stop()

    async def _wanted(self) -> Version | None:
        """The version to keep. Where there is none yet, a candidate on trial may become it, so its end is awaited."""
        version = self.version()
        if version is None:
            async with self._one_candidate:
                version = self.version()
        return version

    async def _watch(self, backend: Backend) -> None:
        """Wait until a server has ended; if it was still the current one then, there is none now."""
        status = await backend.ended()
        if self.current is backend:
            self._log.note(f"the server ended with status {status}")
            self.current = None
            self._spawn(backend.stop())

    async def _restart(self, version: Version) -> bool:
        """Start the current version's server; whether it became healthy, or was overtaken by one that is."""
        backend = self.current = await self._launch(version)
        self.restarts += 1
        try:
            await backend.wait_healthy()
        except StartFailed as failed:
            self._log.note(f"the server did not start: {failed.reason} {failed.detail}")
            overtaken = self.current is not backend
            if not overtaken:
                self.current = None
                self._spawn(backend.stop())
            return overtaken
        return True

    async def _drain(self, backend: Backend) -> None:
        """Stop a server that was replaced, once it has answered what it has begun."""
        self._draining.add(backend)
        await backend.stop(float(backend.version.launch["timeout_ms"]) / 1000)
        self._draining.discard(backend)

    async def _close(self, candidate: Candidate, runner: web.AppRunner) -> None:
        """End a trial: its address always, its server and files if it did not become current."""
        await runner.cleanup()
        self.candidate = None
        if not candidate.promoted.is_set():
            await candidate.backend.stop()
            name = candidate.backend.version.id
            if name not in read_json(self.place.record).values():
                remove_tree(candidate.backend.version.folder)
        self._unclaimed.set()

    async def _listen(self, app: web.Application, port: int | None = None) -> web.AppRunner:
        """Listen on the loopback interface; ``port`` None is the port that callers know, kept if at all possible."""
        # Bodies pass as they came: decoding them is the service's business.
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, auto_decompress=False)
        await runner.setup()
        if port is not None:
            await web.TCPSite(runner, HOST, port).start()
            return runner
        record = read_json(self.place.record)
        try:
            await web.TCPSite(runner, HOST, int(record.get("port", 0))).start()
        except OSError:
            self._log.note(f"port {record['port']} is taken; choosing another")
            await web.TCPSite(runner, HOST, 0).start()
        self.port = _port(runner)
        write_json(self.place.record, {**record, "port": self.port})
        return runner

    async def _end(self, lasting: list[asyncio.Task[None]], *runners: web.AppRunner) -> None:
        for task in lasting:
            task.cancel()
        for runner in runners:
            await runner.cleanup()
        if self.current is not None:
            await self.current.stop()
        for backend in self._draining:
            backend.hurry()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._log.note("stopped")
        self._log.close()
        if is_at(self.place.alive, self._lock):  # else they may be the sockets of another front by now
            remove_tree(self._sockets)

    def _ready(self, control_socket: Path) -> None:
        """Tell whoever started us, and let go of its pipe."""
        sys.stdout.write(json.dumps({"control": str(control_socket), "port": self.port}) + "\n")
        sys.stdout.flush()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _port(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])
