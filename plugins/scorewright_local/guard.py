"""Runs one command so that nothing of it is left when the process that asked for it is gone, however that ended.

    python -I -S guard.py SECONDS COMMAND…

The command gets a process group of its own. The guard waits for whichever comes first: the command ends, or its own
standard input does, which the asking process holds open and which the kernel closes when that process dies. Then the
command gets SIGTERM, and after SECONDS the whole group gets SIGKILL. Needs nothing but the standard library; runs no
code of the user's, so nothing can keep it from noticing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Run the command; returns its exit status as a shell shows it (128 and the signal's number if one ended it)."""
    grace, command = float(arguments[0]), arguments[1:]
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    child = os.fork()
    if child == 0:
        _become(command)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(child, child)
    status = _wait(child, readable)
    if status is None:
        status = _stop(child, readable, grace)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _become(command: list[str]) -> None:
    """Turn the forked child into the command."""
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        _die_with_parent()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, 4096)
        os.execvp(command[0], command)
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(127)


def _die_with_parent() -> None:
    """Second net, on Linux: if the guard itself is killed, the kernel kills the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(child: int, wakeup: int) -> int | None:
    """The child's status once it has ended; None as soon as we are to stop it: our input ended, or a signal came."""
    while True:
        status = _reap(child)
        if status is not None:
            return status
        ready, _, _ = select.select([wakeup, 0], [], [])
        if 0 in ready and os.read(0, 4096) == b"":
            return None
        if wakeup in ready and set(os.read(wakeup, 4096)) - {signal.SIGCHLD}:
            return None


def _reap(child: int) -> int | None:
    """The child's status if it has ended. What it left in its group goes with it, if possible (``waitid`` is not
    everywhere) before its number is free again."""
    if hasattr(os, "waitid"):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            return None
        _kill(child, signal.SIGKILL)
        return os.waitpid(child, 0)[1]
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid == 0:
        return None
    _kill(child, signal.SIGKILL)
    return status


def _stop(child: int, wakeup: int, grace: float) -> int:
    """End the child, politely first, by force once ``grace`` seconds are over; returns its status."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while (status := _reap(child)) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            _kill(child, signal.SIGKILL)
        ready, _, _ = select.select([wakeup], [], [], left if left > 0 else 1.0)
        if ready:
            os.read(wakeup, 4096)
    return status


def _kill(group: int, number: int) -> None:
    """Send a signal to all of a group that is left (macOS forbids it where only a zombie is)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
