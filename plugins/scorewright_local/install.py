"""Builds cached environments, with uv or with venv and pip, so that a kill at any moment leaves none half-built."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError

from . import guard
from .files import locked, remove_tree, write_json
from .places import environments_root

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUILD_SECONDS = 3600.0
GRACE_SECONDS = "5"
TAIL_LINES = 15
READY = "ready.json"


@dataclass(frozen=True)
class Recipe:
    """What an environment is made of. ``python``: the minor; ``packages``: PEP 508 requirements, each with the index
    that it must come from, None for the ordinary one."""

    python: str
    packages: tuple[tuple[str, str | None], ...]

    @property
    def key(self) -> str:
        """The environment's name: same recipe, same platform, same name."""
        platform = (sys.implementation.name, sysconfig.get_platform())
        content = json.dumps([self.python, sorted(self.packages, key=str), platform])
        return hashlib.sha256(content.encode()).hexdigest()[:20]


def environment(recipe: Recipe, tell: Callable[[str], None]) -> Path:
    """The interpreter of the environment for a recipe, built first if need be; one build at a time.

    ``tell``: progress, for people. Raises `DeploymentError` (SW2008, SW2016, SW2017).
    """
    folder = environments_root() / recipe.key
    python = folder / "bin" / "python"
    if (folder / READY).exists():
        return python
    uv = find_uv()
    with locked(
        folder.with_suffix(".lock"),
        seconds=BUILD_SECONDS,
        on_wait=lambda: tell("waiting for another command that builds the same environment"),
    ) as lock:
        if (folder / READY).exists():
            return python
        remove_tree(folder)
        tell(f"building an environment with {'uv' if uv else 'pip'}, once: {folder}")
        base = find_base(recipe.python, uv)
        with tempfile.TemporaryDirectory(prefix="scorewright-") as lists:
            for command in _commands(folder, recipe, base, uv, Path(lists)):
                _run(command, lock, tell)
        write_json(folder / READY, {"python": recipe.python, "packages": [text for text, _ in recipe.packages]})
    return python


def find_uv() -> str | None:
    """The uv to build with; None if it is pip's turn. Raises `DeploymentError` (SW2017)."""
    asked = os.environ.get("SCOREWRIGHT_INSTALLER", "")
    if asked not in ("", "uv", "pip"):
        raise DeploymentError(
            "SW2017",
            f"SCOREWRIGHT_INSTALLER is {asked!r}.",
            cause="It names the program that builds environments.",
            steps=["Set it to uv or to pip, or leave it unset."],
        )
    found = None if asked == "pip" else _uv_binary()
    if asked == "uv" and found is None:
        raise DeploymentError(
            "SW2017",
            "SCOREWRIGHT_INSTALLER is uv, and there is no uv.",
            steps=["Run `pip install uv`.", "Or set SCOREWRIGHT_INSTALLER=pip."],
        )
    return found


def _uv_binary() -> str | None:
    if importlib.util.find_spec("uv") is not None:
        import uv

        try:
            return uv.find_uv_bin()
        except FileNotFoundError:
            pass
    return shutil.which("uv")


def find_base(minor: str, uv: str | None) -> str:
    """The interpreter to build with: this one, one on the path, or a version that uv finds or fetches.

    Raises `DeploymentError` (SW2016).
    """
    if minor == current_minor():
        return sys.executable
    found = shutil.which(f"python{minor}") or (minor if uv else None)
    if found is None:
        raise DeploymentError(
            "SW2016",
            f"There is no Python {minor} on this machine.",
            cause="The service's packages need it, and pip cannot fetch an interpreter.",
            steps=["Run `pip install uv`, which can.", f"Or install Python {minor} so that python{minor} is found."],
        )
    return found


def current_minor() -> str:
    """The minor of the interpreter that runs this."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _commands(folder: Path, recipe: Recipe, base: str, uv: str | None, lists: Path) -> list[list[str]]:
    """What makes an environment. No option here replaces an index or a cache: that is the user's configuration to do.

    ``lists``: an empty folder for lists of packages.
    """
    python = str(folder / "bin" / "python")
    if uv:
        project = lists / "pyproject.toml"
        project.write_text(_project(recipe), encoding="utf-8")
        return [
            [uv, "venv", "--no-project", "--python", base, str(folder)],
            [uv, "pip", "install", "--python", python, "--compile-bytecode", "-r", str(project)],
        ]
    listed = lists / "requirements.txt"
    listed.write_text("".join(f"{text}\n" for text, _ in recipe.packages), encoding="utf-8")
    indexes = sorted({index for _, index in recipe.packages if index})
    further = [word for index in indexes for word in ("--extra-index-url", index)]
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    return [[base, "-m", "venv", str(folder)], [*pip, *further, "-r", str(listed)]]


def _project(recipe: Recipe) -> str:
    """A project file for uv: there, unlike in a list of requirements, one package can have an index of its own."""
    from packaging.requirements import Requirement

    quoted = json.dumps  # a JSON string is a TOML string
    lines = ["[project]", 'name = "scorewright-environment"', 'version = "1"']
    lines += [f"dependencies = [{', '.join(quoted(text) for text, _ in recipe.packages)}]"]
    indexes = sorted({index for _, index in recipe.packages if index})
    for number, index in enumerate(indexes):
        lines += ["[[tool.uv.index]]", f'name = "index-{number}"', f"url = {quoted(index)}", "explicit = true"]
    lines += ["[tool.uv.sources]"]
    for text, wanted in recipe.packages:
        if wanted:
            lines += [f'{quoted(Requirement(text).name)} = {{ index = "index-{indexes.index(wanted)}" }}']
    return "\n".join(lines) + "\n"


def _run(command: list[str], lock: int, tell: Callable[[str], None]) -> None:
    """Run one step; it ends when we do, and the lock is free only when it has. Raises `DeploymentError` (SW2008)."""
    last: deque[str] = deque(maxlen=TAIL_LINES)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, GRACE_SECONDS, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_installer_environment(os.environ),
        pass_fds=(lock,),
        start_new_session=True,
        text=True,
        errors="replace",
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            for line in process.stdout:
                last.append(line.rstrip())
                tell(line.rstrip())
        except BaseException:  # interrupted: the guard ends the installer now
            process.stdin.close()
            raise
    if process.returncode != 0:
        raise _failed(command, list(last))


def _installer_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, so that pip and uv are configured as ever; less what would mix another Python in."""
    return {
        name: value
        for name, value in given.items()
        if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX")
    }


def _failed(command: list[str], last: list[str]) -> DeploymentError:
    program = Path(command[0]).name if "pip" not in command else "pip" if "-m" in command else "uv pip"
    return DeploymentError(
        "SW2008",
        f"The environment could not be built: {program} failed.",
        cause="\n".join(last) or None,
        steps=[
            "Without a network: point uv or pip to a mirror (UV_INDEX_URL, PIP_INDEX_URL) or to a folder of wheels "
            "(UV_FIND_LINKS, PIP_FIND_LINKS), or install the packages into the environment that runs scorewright.",
            "Or name an interpreter that has them in SCOREWRIGHT_PYTHON.",
            "If versions clash: relax packages.pip in the deploy file.",
        ],
    )
