"""Where the local target keeps things: services by deploy file, cached environments, short folders for sockets."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.spec.models import Spec

SOCKET_PATH_LIMIT = 100
"""Bytes that a unix socket's path may have: the kernels take 103 (macOS) or 107 (Linux)."""


def state_root() -> Path:
    """The folder of everything that lives: below ``SCOREWRIGHT_HOME``, else the platform's folder for user state."""
    import platformdirs

    home = os.environ.get("SCOREWRIGHT_HOME")
    return Path(home).expanduser().absolute() / "state" if home else Path(platformdirs.user_state_dir("scorewright"))


def environments_root() -> Path:
    """The folder of cached environments, shared by all deploy files."""
    import platformdirs

    home = os.environ.get("SCOREWRIGHT_HOME")
    cache = Path(home).expanduser().absolute() / "cache" if home else Path(platformdirs.user_cache_dir("scorewright"))
    return cache / "environments"


@dataclass(frozen=True)
class ServicePlace:
    """The folder of one service and the names of what is in it. ``folder`` may not exist."""

    folder: Path

    @property
    def name(self) -> str:
        """The service's name."""
        return self.folder.name

    @property
    def record(self) -> Path:
        """``{"port", "current", "previous"}``: what a front needs to start the service again."""
        return self.folder / "service.json"

    @property
    def keys(self) -> Path:
        """``{"primary", "secondary"}``, readable by its owner alone."""
        return self.folder / "keys.json"

    @property
    def owner(self) -> Path:
        """``{"deploy_file"}``: where the deploy file was when the service was started."""
        return self.folder / "owner.json"

    @property
    def front(self) -> Path:
        """``{"control", "pid"}`` of the last front that ran; only its lock says whether it still does."""
        return self.folder / "front.json"

    @property
    def alive(self) -> Path:
        """Locked by the front and by the guards of its servers for as long as one of them lives."""
        return self.folder / "alive.lock"

    @property
    def failure(self) -> Path:
        """``{"summary", "cause"}`` of the last start that failed; gone after one that did not."""
        return self.folder / "failure.json"

    @property
    def versions(self) -> Path:
        """One app root per version."""
        return self.folder / "versions"

    @property
    def log(self) -> Path:
        """What the server and the front wrote; rotated to ``service.log.1`` and so on."""
        return self.folder / "log" / "service.log"

    @property
    def busy(self) -> Path:
        """Locked by a command that changes the service; beside the folder, so that it outlives the folder."""
        return self.folder.parent / f"{self.name}.lock"

    def socket_folder(self) -> Path:
        """A short folder for this service's sockets, the same in every process of this user."""
        if len(os.fsencode(self.folder)) + len("/s/control.sock") < SOCKET_PATH_LIMIT:
            return self.folder / "s"
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return _runtime_root() / digest


def _runtime_root() -> Path:
    """A short folder of this user's alone. The fallback lies in a folder that others write to."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and len(given) < 50 and os.access(given, os.W_OK):
        return Path(given) / "scorewright"
    return Path(tempfile.gettempdir()) / f"scorewright-{os.getuid()}"


def make_private(folder: Path) -> Path:
    """Make a folder with mode 0700 and return it; refuse one that another user made or can enter.

    Raises `PermissionError`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid():
        raise PermissionError(f"{folder} is not a folder of this user")
    if stat.S_IMODE(seen.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


def deploy_file(spec: Spec) -> Path:
    """The deploy file that services belong to: one path, from whichever folder and by whichever links it is reached."""
    file = spec.origin.files[0] if spec.origin.files else spec.origin.root / "deploy.yaml"
    return file.parent.resolve() / file.name


def deployment_folder(spec: Spec) -> Path:
    """The folder of all services of one deploy file."""
    file = deploy_file(spec)
    digest = hashlib.sha256(os.fsencode(file)).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", file.parent.name).strip("-")[:24] or "root"
    return state_root() / "local" / f"{readable}-{digest}"


def service_place(spec: Spec, service: str) -> ServicePlace:
    """Where a service of a deploy file lives, whether or not it exists."""
    return ServicePlace(deployment_folder(spec) / service)


def service_places(folder: Path) -> Iterator[ServicePlace]:
    """Every service that has a folder below a deployment's folder, by name."""
    if folder.is_dir():
        for child in sorted(folder.iterdir()):
            if child.is_dir():
                yield ServicePlace(child)
