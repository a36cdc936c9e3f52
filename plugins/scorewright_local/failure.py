"""What went wrong in a server that did not start: the exception and the line of the user's code, out of its log."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright.diagnosis import Evidence, diagnose
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
OWN_CODE = re.compile(r"^SW\d{4}")
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
        if self.type.startswith(f"{RUNTIME}."):
            return self.message  # written for people, with a code of its own
        return f"{self.type}: {self.message}" if self.message else self.type


def find_chain(lines: Sequence[str]) -> tuple[Crash, ...]:
    """The exception that the user's code ended with, last in the result, after the ones that led to it.

    It is the last of a log, less what the server wraps around it. Empty if there is none.
    """
    chain: tuple[Crash, ...] = ()
    for crash, linked in _crashes(list(lines)):
        if not crash.type.startswith(SERVER):
            chain = (*chain, crash) if linked else (crash,)
    return chain


def find_place(chain: Sequence[Crash], version: Version) -> Frame | None:
    """The line to look at: the innermost of the user's own files, else of the score script, else of all. A file that
    the user edits is named in place of its copy."""
    own: Mapping[str, str] = version.launch["sources"]
    best: tuple[int, Frame] | None = None
    for crash in chain:
        for frame in crash.frames:
            rank = _rank(Path(frame.file), version.source, own)
            if best is None or rank >= best[0]:
                best = rank, frame
    if best is None:
        return None
    frame = best[1]
    return Frame(own.get(_name(Path(frame.file), version.source), frame.file), frame.line, frame.source)


def _rank(file: Path, source: Path, own: Mapping[str, str]) -> int:
    """How near a file is to what the user wrote."""
    if not file.is_relative_to(source):
        return 0
    if file.relative_to(source).parts[0] == RUNTIME:
        return 1
    return 3 if _name(file, source) in own else 2


def _name(file: Path, source: Path) -> str:
    """A file's name in the bundle, empty if it is not in it."""
    return file.relative_to(source).as_posix() if file.is_relative_to(source) else ""


def start_error(event: Mapping[str, Any], version: Version, log: Path) -> DeploymentError:
    """The error for a candidate that failed; ``event`` is what its front said of it."""
    service = version.launch["service"]
    lines: list[str] = event.get("lines", [])
    if event.get("reason") == "timeout":
        return _timed_out(service, float(event["detail"]), lines, log)
    chain = find_chain(lines)
    if event.get("reason") == "signal" and not chain:
        return _killed(service, str(event["detail"]), lines, log)
    if not chain:
        summary = f"Service {service} did not start: its server ended ({event.get('detail', 'its front is gone')})."
        return DeploymentError("SW2005", summary, cause=_tail(lines), steps=[f"Read the log: {log}"])
    return _crashed(service, chain, find_place(chain, version), lines)


def _crashed(service: str, chain: Sequence[Crash], place: Frame | None, lines: list[str]) -> DeploymentError:
    where = "" if place is None else f"{place.file}:{place.line}: {place.source}\n"
    found = diagnose([Evidence("container log", "\n".join(lines))])
    steps = [f"Fix what the exception says{'' if place is None else f' at {place.file}:{place.line}'}."]
    steps += found.steps
    codes = OWN_CODE.findall(chain[-1].message)[:1] or ([found.code] if found.code else [])
    steps += [f"See what it means: `scorewright explain {code}`" for code in codes]
    return DeploymentError(
        "SW2005",
        f"Service {service} did not start: {str(chain[-1]).splitlines()[0]}",
        cause=f"{where}{chain[-1]}\n\nThe log ends with:\n{_tail(lines)}",
        steps=[*steps, f"Read the whole log: `scorewright logs {service}`"],
    )


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


def _crashes(lines: list[str]) -> Iterator[tuple[Crash, bool]]:
    """Every exception in a log, in the order of its text, and whether the one before led to it."""
    starts = [number for number, line in enumerate(lines) if line.rstrip().endswith(START)]
    linked = False
    for start, stop in itertools.pairwise([*starts, len(lines)]):
        crash = _parse(lines[start + 1 : stop])
        if crash is not None:
            yield crash, linked
        linked = any(LINK.match(line) for line in lines[start:stop])


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
