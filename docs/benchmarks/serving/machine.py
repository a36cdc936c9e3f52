"""The machine: what it is, whether it is quiet, what a process and its children use."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import NamedTuple

import psutil

SERVER_CORE, CLIENT_CORE = 0, 1
QUIET = 0.10
"""Share of a core that others may use while we wait for quiet."""


def describe() -> dict[str, str]:
    """What the reader must know of the machine."""
    info = {"system": f"{platform.system()} {platform.release()}", "python": platform.python_version()}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    memory = psutil.virtual_memory().total / 2**30
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": str(os.cpu_count()),
        **info,
        "memory": f"{memory:.0f} GiB",
    }


def go_first() -> None:
    """Have this process and what it starts go before other work."""
    if os.getpid() != os.getsid(0):
        os.setsid()
    os.nice(-15)
    prefer(os.getpid())


def prefer(pid: int) -> None:
    """Have the sessions of a process and of all below it go before others.

    Linux shares a core between sessions first ("autogroup", https://man7.org/linux/man-pages/man7/sched.7.html): the
    nice value of a process counts within its session only, and some servers put workers into sessions of their own.
    """
    for process in family(pid):
        group = Path(f"/proc/{process.pid}/autogroup")
        if group.exists():
            group.write_text("-15")


def wait_for_quiet(seconds: float = 20.0) -> bool:
    """Wait until the two cores are idle, at most that long; whether they became so."""
    deadline = time.monotonic() + seconds
    while True:
        used = psutil.cpu_percent(interval=0.25, percpu=True)
        if max(used[SERVER_CORE], used[CLIENT_CORE]) <= 100 * QUIET:
            return True
        if time.monotonic() > deadline:
            return False


class Usage(NamedTuple):
    """CPU seconds that a process and all below it have used, and those that their core was busy or stolen."""

    own: float
    core: float
    at: float


def usage(pid: int) -> Usage:
    """What a process has used until now."""
    times = psutil.cpu_times(percpu=True)[SERVER_CORE]
    busy = sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
    own = sum(sum(process.cpu_times()[:2]) for process in family(pid))
    return Usage(own, busy, time.monotonic())


def memory(pid: int) -> float:
    """MiB that a process and all below it hold."""
    return sum(process.memory_info().rss for process in family(pid)) / 2**20


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it, those that are just ending left out."""
    try:
        root = psutil.Process(pid)
        return [process for process in [root, *root.children(recursive=True)] if process.is_running()]
    except psutil.NoSuchProcess:
        return []
