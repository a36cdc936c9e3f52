"""A service's own bundle on this machine, with nothing in front of it; and the tutorial's script beside it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright.bundle import build
from scorewright.errors import DeploymentError
from scorewright.trial import missing

from .server import Server, azure_server
from .tutorial import write_script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.resolve import ResolvedService


@contextlib.contextmanager
def serve_bundle(service: ResolvedService) -> Iterator[Server]:
    """Serve the bundle as it is deployed. Raises `DeploymentError` (SW1802, SW1804)."""
    with _folder(service) as folder:
        bundle = build(service)
        bundle.write(folder / "source")
        said = bundle.environment["variables"]
        assert isinstance(said, dict)
        variables = {name: str(value) for name, value in said.items() if name != "LD_LIBRARY_PATH"}
        variables |= {"SCOREWRIGHT_GPU_DEFAULT": "prefer", "SCORING_TIMEOUT_MS": str(service.spec.timeout_ms)}
        with Server(azure_server(service.name, folder / "source", folder / "model", variables, python=_python())) as up:
            yield up


@contextlib.contextmanager
def serve_tutorial(service: ResolvedService) -> Iterator[Server]:
    """Serve the same model the tutorial's way. Raises `DeploymentError` (SW1802, SW1803, SW1804)."""
    with _folder(service) as folder:
        source = folder / "source"
        source.mkdir()
        write_script(service, source)
        with Server(azure_server("tutorial", source, folder / "model", {}, python=_python())) as up:
            yield up


@contextlib.contextmanager
def _folder(service: ResolvedService) -> Iterator[Path]:
    """A folder for one server, with the model in ``model``."""
    path = service.spec.model.path
    if path is None:
        cause = "the model is registered in a workspace and not on this machine"
        raise DeploymentError("SW1804", f"{service.name} cannot run here", cause=cause, steps=["leave out --direct"])
    # another interpreter's packages are its own business
    lacks = None if os.environ.get("SCOREWRIGHT_PYTHON") else missing(service) or _no_server()
    if lacks is not None:
        steps = [f"install it: pip install {lacks}", "or name an interpreter that has all: SCOREWRIGHT_PYTHON"]
        raise DeploymentError("SW1804", f"{service.name} cannot run here: {lacks} is not installed", steps=steps)
    with tempfile.TemporaryDirectory(prefix="scorewright-bench-") as name:
        (Path(name) / "model").mkdir()
        (Path(name) / "model" / path.name).symlink_to(path)
        yield Path(name)


def _python() -> str:
    return os.environ.get("SCOREWRIGHT_PYTHON") or sys.executable


def _no_server() -> str | None:
    name = "azureml_inference_server_http"
    return None if importlib.util.find_spec(name) else name.replace("_", "-")
