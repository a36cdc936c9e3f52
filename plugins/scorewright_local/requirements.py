"""Which packages an interpreter has, and whether they are what a bundle needs."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from scorewright.diagnosis import redact

from .layout import is_inherited

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

PROBE_SECONDS = 60
PROBE = """
import importlib.metadata as m, json, os, platform, re, sys
found, todo = {}, sys.argv[1:]
while todo:
    wanted = todo.pop()
    name = re.match(r"[A-Za-z0-9._-]*", wanted).group().rstrip(".-_")
    try:
        d = m.distribution(name)
    except (ValueError, m.PackageNotFoundError):
        continue
    if "[" in wanted and name not in found:
        todo += d.requires or []
    found[name] = [d.version, d.requires or []]
v = sys.version_info
print(json.dumps({
    "python": "%d.%d" % v[:2],
    "markers": {
        "implementation_name": sys.implementation.name,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_system": platform.system(),
        "python_full_version": platform.python_version(),
        "python_version": "%d.%d" % v[:2],
        "sys_platform": sys.platform,
    },
    "found": found,
}))
"""
"""Says which of the distributions in its arguments are there, and of those with extras what the extras ask for."""


@dataclass(frozen=True)
class Interpreter:
    """What an interpreter says of itself. ``python``: its minor; ``markers``: for PEP 508 markers; ``found``: version
    and requirements of the distributions that it was asked for and has, by canonical name."""

    path: Path
    python: str
    markers: Mapping[str, str]
    found: Mapping[str, tuple[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Lack:
    """A requirement that is not met. ``has``: the version that is there instead; None if there is none."""

    wanted: str
    has: str | None

    def __str__(self) -> str:
        return f"{self.shown} ({f'has {self.has}' if self.has else 'not installed'})"

    @property
    def shown(self) -> str:
        """What is wanted, without the credentials that an address may hold."""
        return redact(self.wanted)


def probe(python: Path, requirements: Iterable[Mapping[str, Any]]) -> Interpreter:
    """Ask an interpreter, in the environment that a server gets, what it has of all forms of a manifest's requirements.

    Raises `OSError` or `subprocess.SubprocessError` if it cannot be asked.
    """
    forms = {str(text) for need in requirements for text in (need["gpu"], need["cpu"], *need.get("same_as", ()))}
    answer = subprocess.run(
        [str(python), "-c", PROBE, *sorted(forms)],
        capture_output=True,
        check=True,
        cwd="/",
        env={name: value for name, value in os.environ.items() if is_inherited(name)},
        stdin=subprocess.DEVNULL,
        timeout=PROBE_SECONDS,
    )
    value: dict[str, Any] = json.loads(answer.stdout)
    found: dict[str, tuple[str, tuple[str, ...]]] = {
        canonicalize_name(name): (version, tuple(needs)) for name, (version, needs) in value["found"].items()
    }
    return Interpreter(python, value["python"], value["markers"], found)


def select(requirement: Mapping[str, Any], *, gpu: bool) -> tuple[str, str | None]:
    """The form of a manifest's requirement that this machine needs, and the index it must come from, if any."""
    index = requirement.get("index") if gpu else requirement.get("cpu_index")
    return str(requirement["gpu" if gpu else "cpu"]), None if index is None else str(index)


def lacks(interpreter: Interpreter, requirements: Iterable[Mapping[str, Any]], *, gpu: bool) -> list[Lack]:
    """Every requirement that an interpreter does not meet.

    On the CPU the GPU form does as well, and so does each distribution in ``same_as`` at the same version. On the GPU
    only the GPU form does, and not as a build for the CPU.
    """
    missing: list[Lack] = []
    for requirement in requirements:
        wanted = Requirement(select(requirement, gpu=gpu)[0])
        choices = [wanted]
        if not gpu:
            choices.append(Requirement(str(requirement["gpu"])))
            choices += [Requirement(f"{name}{wanted.specifier}") for name in requirement.get("same_as", ())]
        failures = [_lacks(interpreter, choice) or _cpu_build(interpreter, choice, gpu) for choice in choices]
        if all(failures):
            present = [lack for lack in (failure[0] for failure in failures) if lack.has is not None]
            missing.append(present[0] if present else failures[0][0])
    return missing


def _cpu_build(interpreter: Interpreter, wanted: Requirement, gpu: bool) -> list[Lack]:
    """The lack of a build for the GPU: a wheel for the CPU has the right version and says ``+cpu`` after it."""
    version, _ = interpreter.found.get(canonicalize_name(wanted.name), ("", ()))
    return [Lack(str(wanted), version)] if gpu and version.endswith("+cpu") else []


def _lacks(interpreter: Interpreter, wanted: Requirement, seen: Sequence[str] = ()) -> list[Lack]:
    """What is missing of one requirement: the package itself, or what its extras ask for."""
    if wanted.marker is not None and not wanted.marker.evaluate(dict(interpreter.markers)):
        return []
    version, needs = interpreter.found.get(canonicalize_name(wanted.name), (None, ()))
    if version is None or not wanted.specifier.contains(version, prereleases=True):
        return [Lack(str(wanted), version)]
    return [
        lack
        for extra in sorted(wanted.extras)
        for need in needs
        for lack in _lacks_for_extra(interpreter, need, extra, (*seen, wanted.name))
    ]


def _lacks_for_extra(interpreter: Interpreter, need: str, extra: str, seen: Sequence[str]) -> list[Lack]:
    """What is missing of one line of a distribution's metadata, if the line belongs to the extra."""
    try:
        requirement = Requirement(need)
    except InvalidRequirement:
        return []  # old metadata; the installer has passed over it too
    if requirement.marker is None or requirement.marker.evaluate({**interpreter.markers, "extra": ""}):
        return []
    if not requirement.marker.evaluate({**interpreter.markers, "extra": extra}):
        return []
    requirement.marker = None
    if requirement.name in seen and not requirement.extras:
        return []
    return _lacks(interpreter, requirement, seen) if len(seen) < 8 else []
