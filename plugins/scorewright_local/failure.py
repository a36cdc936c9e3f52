"""What went wrong in a server that did not start: the exception and the line of the user's code, out of its log."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .layout import Version

START = "Traceback (most recent call last):"
FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
EXCEPTION = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
LINK = re.compile(r"^(The above exception was the direct cause|During handling of the above exception)")
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
SERVER = "azureml_inference_server_http."
RUNTIME = "scorewright_runtime"
TAIL_LINES = 12


@dataclass(frozen=True)
class Frame:
    """One place in a traceback."""

    file: str
    line: int
    source: str


@dataclass(frozen=True)
class Crash:
    """One exception of a traceback: its type, its message (may be several lines), where it came from."""

    type: str
    message: str
    frames: tuple[Frame, ...]

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


def find_crash(lines: Sequence[str]) -> Crash | None:
    """The exception that the user's code ended with: the last in the log that is not the server's own wrapping."""
    crashes = [crash for crash in _crashes(list(lines)) if not crash.type.startswith(SERVER)]
    return crashes[-1] if crashes else None


def find_place(crash: Crash, version: Version) -> Frame | None:
    """The line to look at: the innermost of the user's own files, else of the score script, else of all. A file that
    the user edits is named in place of its copy."""
    source = version.source
    inside = [frame for frame in crash.frames if Path(frame.file).is_relative_to(source)]
    written = [frame for frame in inside if Path(frame.file).relative_to(source).parts[0] != RUNTIME]
    own: Mapping[str, str] = version.launch["sources"]
    users = [frame for frame in written if Path(frame.file).name in own]
    for candidates in (users, written, inside, crash.frames):
        if candidates:
            frame = candidates[-1]
            edited = own.get(Path(frame.file).name) if Path(frame.file).parent == source else None
            return Frame(edited or frame.file, frame.line, frame.source)
    return None


def start_error(event: Mapping[str, Any], version: Version, log: Path) -> DeploymentError:
    """The error for a candidate that failed; ``event`` is what its front said of it."""
    service = version.launch["service"]
    lines: list[str] = event.get("lines", [])
    if event.get("reason") == "timeout":
        return _timed_out(service, float(event["detail"]), lines, log)
    crash = find_crash(lines)
    if event.get("reason") == "signal" and crash is None:
        return _killed(service, str(event["detail"]), lines, log)
    if crash is None:
        summary = f"Service {service} did not start: its server ended ({event.get('detail', 'its front is gone')})."
        return DeploymentError("SW2005", summary, cause=_tail(lines), steps=[f"Read the log: {log}"])
    place = find_place(crash, version)
    where = "" if place is None else f"{place.file}:{place.line}: {place.source}\n"
    return DeploymentError(
        "SW2005",
        f"Service {service} did not start: {str(crash).splitlines()[0]}",
        cause=f"{where}{crash}\n\nThe log ends with:\n{_tail(lines)}",
        steps=[f"Fix what the exception says{'' if place is None else f' at {place.file}:{place.line}'}, and run "
               "`scorewright up` again.", f"Read the whole log: `scorewright logs {service}`"],
    )  # fmt: skip


def _timed_out(service: str, seconds: float, lines: list[str], log: Path) -> DeploymentError:
    return DeploymentError(
        "SW2006",
        f"Service {service} was not ready within {seconds:g} s.",
        cause=f"The log ends with:\n{_tail(lines)}",
        steps=[
            f"Read the log: {log}",
            f"If loading the model takes that long, raise services.{service}.probes.initial_delay_seconds.",
        ],
    )


def _killed(service: str, number: str, lines: list[str], log: Path) -> DeploymentError:
    hint = {
        "SIGKILL": "The system ends a process like that when memory runs out: use a smaller model or more memory.",
        "SIGSEGV": "Compiled code crashed: the packages may not fit each other or this machine.",
        "SIGILL": "Compiled code uses instructions that this CPU does not have: use other builds of the packages.",
    }.get(number)
    return DeploymentError(
        "SW2005",
        f"Service {service} did not start: its process was ended by {number}.",
        cause=f"The log ends with:\n{_tail(lines)}",
        steps=[*([hint] if hint else []), f"Read the log: {log}"],
    )


def _tail(lines: Sequence[str]) -> str:
    return "\n".join([line for line in lines if line.strip()][-TAIL_LINES:])


def _crashes(lines: list[str]) -> Iterator[Crash]:
    """Every exception in a log, in the order of its text: a cause before what it caused."""
    starts = [number for number, line in enumerate(lines) if line.rstrip().endswith(START)]
    for start, stop in itertools.pairwise([*starts, len(lines)]):
        crash = _parse(lines[start + 1 : stop])
        if crash is not None:
            yield crash


def _parse(lines: list[str]) -> Crash | None:
    """The exception of one traceback, from the line after its first."""
    frames: list[Frame] = []
    for number, line in enumerate(lines):
        frame = FRAME.match(line)
        if frame is not None:
            following = lines[number + 1].strip() if number + 1 < len(lines) else ""
            frames.append(Frame(frame["file"], int(frame["line"]), "" if FRAME.match(following) else following))
        elif line and not line[0].isspace():
            ended = EXCEPTION.match(line)
            return (
                None
                if ended is None
                else Crash(ended["type"], _message(ended["message"], lines[number + 1 :]), tuple(frames))
            )
    return None


def _message(first: str | None, following: list[str]) -> str:
    """A message with its further lines, which end at the next log line, the next exception or an empty line."""
    message = [first or ""]
    for line in following:
        if not line.strip() or LOG_LINE.match(line) or LINK.match(line):
            break
        message.append(line)
    return "\n".join(message)
