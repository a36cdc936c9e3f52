"""The command's side of a front: find it, start it, talk to it, make sure that it is gone."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError

from .files import POLL_SECONDS, is_locked, read_json, write_json
from .layout import is_inherited
from .places import make_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .places import ServicePlace

ANSWER_SECONDS = 10.0
STOP_SECONDS = 30.0
SILENCE_SECONDS = 60.0
"""Longest silence of a front that starts a candidate; it says every two seconds that it lives."""


class FrontGone(Exception):
    """A front did not answer, or not as it should."""


class FrontRefused(FrontGone):
    """A front would not do what it was told."""


class Front:
    """A front, by the path of its control socket. Every call raises `FrontGone` if it is not there."""

    def __init__(self, control: str) -> None:
        self._control = control

    def describe(self) -> dict[str, Any]:
        """What there is: ``pid``, ``port``, ``state``, ``current``, ``previous``, ``device``, ``restarts``."""
        return self._call("GET", "/")

    @contextlib.contextmanager
    def trial(self, version: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Start a version as candidate; the value iterates over what happens to it. It lives as long as this block,
        unless it is promoted."""
        with self._answer("POST", "/trial", {"version": version}, SILENCE_SECONDS) as answer:
            yield _lines(answer)

    def promote(self, version: str) -> None:
        """Make the candidate current. Raises `FrontRefused` if it has ended meanwhile."""
        self._call("POST", "/promote", {"version": version})

    def reload_keys(self) -> None:
        """Have it take over the file of keys."""
        self._call("POST", "/keys")

    def stop(self) -> None:
        """Have it end the service."""
        self._call("POST", "/stop")

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> dict[str, Any]:
        with self._answer(method, path, body, ANSWER_SECONDS) as answer:
            try:
                value: dict[str, Any] = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise FrontGone(repr(error)) from error
        return value

    @contextlib.contextmanager
    def _answer(
        self, method: str, path: str, body: Mapping[str, str] | None, seconds: float
    ) -> Iterator[http.client.HTTPResponse]:
        with contextlib.closing(_UnixConnection(self._control, seconds)) as connection:
            try:
                connection.request(method, path, json.dumps(body or {}), {"Content-Type": "application/json"})
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise FrontGone(repr(error)) from error
            if answer.status != 200:
                raise FrontRefused(f"{method} {path}: {answer.status} {answer.reason}")
            yield answer


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("front", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Connect; the socket is closed again if that fails."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.close()
            raise


def _lines(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The JSON lines of an answer, as they come."""
    try:
        while line := answer.readline():
            yield json.loads(line)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FrontGone(repr(error)) from error


def find_front(place: ServicePlace) -> tuple[Front, dict[str, Any]] | None:
    """The front of a service and what it says of itself, if one runs and answers."""
    control = read_json(place.front).get("control")
    if control is None or not is_locked(place.alive):
        return None
    front = Front(control)
    try:
        return front, front.describe()
    except FrontGone:
        return None


def start_front(place: ServicePlace) -> Front:
    """Start the front of a service, in a session of its own. Nothing of an earlier one may live any more.

    Raises `DeploymentError` (SW2003).
    """
    try:
        for folder in (place.folder, place.socket_folder().parent, place.socket_folder()):
            make_private(folder)
    except OSError as error:
        raise front_failed(place, str(error)) from error
    place.log.parent.mkdir(mode=0o700, exist_ok=True)
    ensure_keys(place)
    errors = place.log.with_name("front.log")
    # -P: no module of the current folder's may stand in for one of ours.
    command = [sys.executable, "-P", "-m", "scorewright_local.front", str(place.folder), str(place.socket_folder())]
    kept = {name: value for name, value in os.environ.items() if is_inherited(name) or name == "PYTHONPATH"}
    with errors.open("ab") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=kept,
            cwd="/",
            start_new_session=True,
        )
    with process:
        assert process.stdout is not None
        ready = process.stdout.readline()
    if not ready:
        raise front_failed(place)
    return Front(json.loads(ready)["control"])


def ensure_front(place: ServicePlace) -> Front:
    """The front of a service; one is started if none answers. Raises `DeploymentError` (SW2003, SW2004)."""
    found = find_front(place)
    if found is not None:
        return found[0]
    end_front(place)
    return start_front(place)


def end_front(place: ServicePlace) -> None:
    """End the front of a service and wait until neither it nor a server of its lives.

    Raises `DeploymentError` (SW2004) if something cannot be ended.
    """
    found = find_front(place)
    if found is not None:
        with contextlib.suppress(FrontGone):
            found[0].stop()
    if not _wait_gone(place, STOP_SECONDS):
        _kill(place)
        if not _wait_gone(place, STOP_SECONDS):
            raise DeploymentError(
                "SW2004",
                f"Service {place.name} cannot be stopped.",
                cause=f"A process still holds {place.alive}.",
                steps=[f"Find it with `lsof {place.alive}`, end it, and repeat the command."],
            )
    control = read_json(place.front).get("control")
    if control is not None:
        _remove_sockets(place, Path(control).parent)


def _remove_sockets(place: ServicePlace, folder: Path) -> None:
    """Delete a folder of sockets that nobody listens on any more, and the folder of such folders if it was the last."""
    for file in folder.glob("*.sock"):
        file.unlink(missing_ok=True)
    for emptied in (folder, folder.parent):
        if emptied != place.folder:
            with contextlib.suppress(OSError):  # it is gone, or has more in it
                emptied.rmdir()


def ensure_keys(place: ServicePlace) -> dict[str, Any]:
    """The keys of a service, made now if it has none."""
    keys = read_json(place.keys)
    if not keys:
        keys = {"primary": new_key(), "secondary": new_key()}
        write_json(place.keys, keys)
    return keys


def new_key() -> str:
    """A random key: 32 characters, as Azure's are."""
    import secrets

    return secrets.token_urlsafe(24)


def tail(path: Path, lines: int) -> str:
    """The last lines of a text file; empty if there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _wait_gone(place: ServicePlace, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_locked(place.alive):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _kill(place: ServicePlace) -> None:
    """Kill a front that does not answer. Who listens on its socket is asked of the kernel, never of a file: a number
    in a file may by now be somebody else's."""
    control = read_json(place.front).get("control")
    if control is None:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(control)
        os.kill(_peer(connection), signal.SIGKILL)


def _peer(connection: socket.socket) -> int:
    """The process at the other end of a unix socket."""
    if sys.platform == "darwin":
        sol_local, local_peerpid = 0, 2  # <sys/un.h>
        return int(connection.getsockopt(sol_local, local_peerpid))
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])


def front_failed(place: ServicePlace, cause: str | None = None) -> DeploymentError:
    """The error for a front that does not start, or does not do what it is told."""
    errors = place.log.with_name("front.log")
    return DeploymentError(
        "SW2003",
        f"The process in front of service {place.name} failed.",
        cause="\n".join(part for part in (cause, tail(errors, 15)) if part) or None,
        steps=["Repeat the command.", "Run `scorewright doctor`.", f"Read {errors}."],
    )
