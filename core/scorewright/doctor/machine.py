"""Python, the installer of environments, the folder for state, and room on the disk."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .diagnosis import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST, NEWEST = (3, 11), (3, 14)
ENVIRONMENT_GB = 6
"""About what one environment with a GPU framework takes on disk."""


def python() -> Iterator[Diagnosis]:
    """The Python that runs us."""
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info[:2] > NEWEST:
        fix = f"frameworks may lack wheels for it; {NEWEST[0]}.{NEWEST[1]} or older is safe"
        yield Diagnosis("python", "warning", found, fix)
    else:
        yield Diagnosis("python", "ok", found)


def installer() -> Iterator[Diagnosis]:
    """What makes environments for services: uv, or venv and pip."""
    tool = uv()
    if tool is None:
        yield Diagnosis(
            "uv", "warning", "not found; venv and pip are used", "pip install 'scorewright[local]' brings uv"
        )
        return
    answer = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False, timeout=20)
    yield Diagnosis("uv", "ok", f"{answer.stdout.strip()} ({tool})")


def uv() -> str | None:
    """The path of uv: of this environment, else of the machine."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def folders() -> tuple[Path, Path]:
    """Where state and caches lie: below ``SCOREWRIGHT_HOME``, or in the platform's folders for them."""
    named = os.environ.get("SCOREWRIGHT_HOME")
    if named:
        root = Path(named).expanduser().absolute()
        return root / "state", root / "cache"
    import platformdirs

    return platformdirs.user_state_path("scorewright"), platformdirs.user_cache_path("scorewright")


def state_folder() -> Iterator[Diagnosis]:
    """Whether state and caches can be written."""
    for name, folder in zip(("state", "cache"), folders(), strict=True):
        try:
            with tempfile.TemporaryFile(dir=nearest(folder)):
                yield Diagnosis(name, "ok", f"{folder} can be written")
        except OSError as error:
            yield Diagnosis(name, "error", f"{folder}: {error.strerror}", "set SCOREWRIGHT_HOME to a folder of yours")


def disk() -> Iterator[Diagnosis]:
    """Whether an environment fits on the disk that holds the caches."""
    folder = nearest(folders()[1])
    free = shutil.disk_usage(folder).free / 1e9
    found = f"{free:.0f} GB free at {folder}"
    if free < ENVIRONMENT_GB:
        fix = f"a GPU environment takes about {ENVIRONMENT_GB} GB: free some, or set SCOREWRIGHT_HOME to a larger disk"
        yield Diagnosis("disk", "warning", found, fix)
    else:
        yield Diagnosis("disk", "ok", found)


def nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
