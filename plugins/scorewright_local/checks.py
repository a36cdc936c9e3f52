"""What the local target has to say before anything is started."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError
from scorewright.findings import Finding, Level

from .environment import has_gpu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.spec.models import ServiceSpec, Spec
    from scorewright.target import DesiredRequest


def require_platform() -> None:
    """Raise `DeploymentError` (SW2001, SW2002) where services cannot run: on Windows, or without the extra."""
    if sys.platform == "win32":
        raise DeploymentError(
            "SW2002",
            "The local target needs Linux or macOS.",
            cause="Azure ML's scoring server runs under gunicorn, which Windows does not have.",
            steps=["Run scorewright in the Windows Subsystem for Linux."],
        )
    if importlib.util.find_spec("aiohttp") is None:
        raise DeploymentError(
            "SW2001",
            "The local target needs its extra packages.",
            cause="aiohttp is not installed.",
            steps=["Run `pip install 'scorewright[local]'`."],
        )


def check(request: DesiredRequest) -> tuple[Finding, ...]:
    """Findings about this machine and about what has no meaning on it."""
    return (*_platform(), *(finding for name in request.spec.services for finding in _service(request.spec, name)))


def _platform() -> Iterator[Finding]:
    try:
        require_platform()
    except DeploymentError as error:
        yield Finding(Level.ERROR, error.code, f"{error.summary} {error.cause}", hint=" ".join(error.steps))


def _service(spec: Spec, name: str) -> Iterator[Finding]:
    service = spec.services[name]
    if service.model.path is None:
        yield _finding(
            spec,
            Level.ERROR,
            "SW2012",
            ("services", name, "model"),
            "a registered model cannot be read on this machine",
            "give model.path: the file or folder that was registered",
        )
    if service.gpu == "require" and not has_gpu():
        yield _finding(
            spec,
            Level.ERROR,
            "SW2014",
            ("services", name, "gpu"),
            "gpu is require, and this machine has no NVIDIA driver",
            f"run it on the CPU here with --set services.{name}.gpu=prefer",
        )
    yield from _replicas(spec, name, service)
    if service.packages.conda:
        yield _finding(
            spec,
            Level.WARNING,
            "SW2015",
            ("services", name, "packages", "conda"),
            "the local target installs no conda packages",
            "install them into an environment of yours and name its Python in SCOREWRIGHT_PYTHON",
        )


def _replicas(spec: Spec, name: str, service: ServiceSpec) -> Iterator[Finding]:
    asked = service.autoscale.max if service.autoscale else service.replicas or 1
    if asked > 1:
        key = "autoscale" if service.autoscale else "replicas"
        message = f"the local target runs one replica, not {asked}"
        yield _finding(spec, Level.INFO, "SW2013", ("services", name, key), message, None)


def _finding(spec: Spec, level: Level, code: str, path: tuple[str, ...], message: str, hint: str | None) -> Finding:
    return Finding(level, code, message, hint=hint, path=".".join(path), location=spec.origin.locate(*path))
