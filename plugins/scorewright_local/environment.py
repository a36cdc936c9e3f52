"""Chooses the interpreter that a service runs in, and says what cached environments take up."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError

from .install import READY, Recipe, current_minor, environment, find_uv
from .places import environments_root
from .requirements import Interpreter, lacks, probe, select

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scorewright.bundle import Bundle


def find_interpreter(bundle: Bundle, tell: Callable[[str], None]) -> Path:
    """The interpreter for a bundle: the one in ``SCOREWRIGHT_PYTHON``, else the one that runs this if it has what the
    bundle needs, else that of a cached environment, which is built if need be.

    ``tell``: progress, for people. Raises `DeploymentError` (SW2008, SW2009, SW2016, SW2017).
    """
    gpu = bundle.spec.gpu != "off" and has_gpu()
    requirements: list[dict[str, Any]] = list(bundle.manifest["requirements"])  # type: ignore[arg-type]
    named = os.environ.get("SCOREWRIGHT_PYTHON")
    if named:
        return _named(named, requirements, gpu, tell)
    supported = _supported(bundle)
    if current_minor() in supported:
        missing = lacks(probe(Path(sys.executable), requirements), requirements, gpu=gpu)
        if not missing:
            return Path(sys.executable)
        tell(f"this Python lacks {', '.join(str(lack) for lack in missing)}")
    packages = tuple(select(requirement, gpu=gpu) for requirement in requirements)
    return environment(Recipe(_minor(supported), packages), tell)


@functools.cache
def has_gpu() -> bool:
    """Whether an NVIDIA driver with at least one GPU is on this machine."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def environments_left() -> tuple[str, ...]:
    """The cached environments, which ``down`` leaves because services of other deploy files may use them."""
    root = environments_root()
    if not root.is_dir():
        return ()
    return tuple(
        f"environment {folder.name}, {_size(folder) / 1e6:.0f} MB, shared by services; delete {folder} to free it"
        for folder in sorted(root.iterdir())
        if (folder / READY).exists()
    )


def _named(named: str, requirements: list[dict[str, Any]], gpu: bool, tell: Callable[[str], None]) -> Path:
    """The interpreter that the user insists on; another version of a package is the user's choice, its absence is not.

    Raises `DeploymentError` (SW2009).
    """
    found = shutil.which(os.path.expanduser(named))
    path = None if found is None else Path(found).absolute()
    interpreter = None if path is None else _ask(path, requirements)
    if interpreter is None or path is None:
        raise DeploymentError(
            "SW2009",
            f"SCOREWRIGHT_PYTHON names {named}, which is no Python that runs.",
            steps=["Give the path of a Python interpreter, or leave it unset."],
        )
    missing = lacks(interpreter, requirements, gpu=gpu)
    absent = [lack.shown for lack in missing if lack.has is None]
    if absent:
        raise DeploymentError(
            "SW2009",
            f"The Python in SCOREWRIGHT_PYTHON lacks {', '.join(absent)}.",
            cause=f"{path} was named to run the service, and the service needs these packages.",
            steps=[
                f"Run `{path} -m pip install {' '.join(repr(wanted) for wanted in absent)}`.",
                "Or leave SCOREWRIGHT_PYTHON unset: then an environment is made.",
            ],
        )
    if missing:
        tell(f"SCOREWRIGHT_PYTHON has other versions than asked for: {', '.join(str(lack) for lack in missing)}")
    return path


def _ask(path: Path, requirements: list[dict[str, Any]]) -> Interpreter | None:
    try:
        return probe(path, requirements)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _supported(bundle: Bundle) -> list[str]:
    """The minors of Python that would do, the one that the bundle is made for first."""
    python: dict[str, Any] = dict(bundle.manifest["python"])  # type: ignore[arg-type]
    return list(dict.fromkeys([str(python["version"]), *map(str, python["supported"])]))


def _minor(supported: Sequence[str]) -> str:
    """The minor to build with: this Python's if it would do, as it is here; else the first that is here, or that uv
    can fetch."""
    if current_minor() in supported:
        return current_minor()
    here = [minor for minor in supported if shutil.which(f"python{minor}")]
    return here[0] if here and not find_uv() else supported[0]


def _size(folder: Path) -> int:
    """Bytes that a folder's files take up."""
    return sum((Path(place) / name).lstat().st_size for place, _, names in os.walk(folder) for name in names)
