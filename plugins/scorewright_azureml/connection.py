"""One connection per workspace: where it is, and the SDK processes that talk to it."""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError

from . import credentials
from .gpus import Gpus
from .sdk import SdkError, SdkPool
from .sdk.workspace import CREDENTIAL

if TYPE_CHECKING:
    from pathlib import Path

    from scorewright.findings import Json
    from scorewright.spec.models import Spec

READ_SECONDS = 180.0
"""Time limit of a call that only reads: the SDK's own retries of a service that throttles take up to 224 s with its
default back-offs, but a reader who waits longer than this is better told."""
WRITE_SECONDS = 600.0
WORKERS = 4


@dataclass(frozen=True)
class Workspace:
    """Where the workspace is."""

    subscription_id: str
    resource_group: str
    name: str

    def to_dict(self) -> dict[str, Json]:
        """As the SDK's processes take it."""
        return {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "name": self.name,
        }


class Connection:
    """Calls azureml-core about one workspace. Safe to share between threads."""

    def __init__(self, workspace: Workspace, pool: SdkPool) -> None:
        self.workspace = workspace
        self.spare = Gpus()
        self._pool = pool

    def close(self) -> None:
        """End its SDK processes."""
        self._pool.close()

    def read(self, operation: str, **arguments: object) -> Any:  # noqa: ANN401 - plain data, of the operation's own shape
        """Call what changes nothing. Raises `SdkError`."""
        return self._call(operation, arguments, READ_SECONDS)

    def write(self, operation: str, **arguments: object) -> Any:  # noqa: ANN401 - plain data, of the operation's own shape
        """Call what changes something. Raises `SdkError`; ``timeout`` and ``connection`` say nothing of the outcome."""
        return self._call(operation, arguments, WRITE_SECONDS)

    def _call(self, operation: str, arguments: dict[str, object], timeout: float) -> Any:  # noqa: ANN401 - as above
        limit = float(os.environ.get("SCOREWRIGHT_CALL_SECONDS") or timeout)
        return self._pool.call(operation, {"workspace": self.workspace.to_dict(), **arguments}, timeout=limit)


def workspace_of(spec: Spec) -> Workspace:
    """The spec's workspace, else that of a ``config.json`` at the deploy file or above it, as the SDK finds it.

    Raises `DeploymentError` (SW2102) if neither says one, or the file cannot be read.
    """
    if spec.workspace is not None:
        return Workspace(spec.workspace.subscription_id, spec.workspace.resource_group, spec.workspace.name)
    if spec.origin.unset:
        raise _no_workspace("; ".join(f"{finding.path}: {finding.message}" for finding in spec.origin.unset))
    for folder in (spec.origin.root, *spec.origin.root.parents):
        for name in (".azureml/config.json", "config.json"):
            found = _read_config(folder / name)
            if found is not None:
                return found
    raise _no_workspace("the deploy file has no workspace, and there is no config.json at it or above it")


def _no_workspace(cause: str) -> DeploymentError:
    steps = ["give workspace: {subscription_id: …, resource_group: …, name: …} in the deploy file; set its variables"]
    return DeploymentError("SW2102", "no workspace is named", cause=cause, steps=steps)


def _read_config(file: Path) -> Workspace | None:
    """What such a file says; None if there is none, or one of another program."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _no_workspace(f"{file} cannot be read: {error}") from None
    given = {key: data[key] for key in _CONFIG if isinstance(data, dict) and isinstance(data.get(key), str)}
    if not given:
        return None
    if len(given) < len(_CONFIG):
        raise _no_workspace(f"{file} has no {', '.join(key for key in _CONFIG if key not in given)}")
    return Workspace(*(given[key] for key in _CONFIG))


_CONFIG = ("subscription_id", "resource_group", "workspace_name")


_lock = threading.Lock()
_READ = re.compile(r"AZURE|AML|MSI_|IDENTITY|PROXY|SSL|CERT|CA_BUNDLE|^(HOME|PATH)$", re.IGNORECASE)
"""Variables that the SDK, its log-in and its HTTP libraries read: where one changes, so may the one who speaks."""
_open: dict[tuple[Workspace, tuple[tuple[str, str], ...]], Connection] = {}


def connect(spec: Spec) -> Connection:
    """The connection to the spec's workspace; one per workspace and environment, kept until this process ends,
    because an SDK process takes seconds to start. Raises `DeploymentError` (SW2101, SW2102, SW2103)."""
    workspace = workspace_of(spec)
    kind = credentials.require()
    require_sdk()
    environment = {**os.environ, CREDENTIAL: kind}
    key = (workspace, tuple(sorted(item for item in environment.items() if _READ.search(item[0]))))
    with _lock:
        if key not in _open:
            _open[key] = Connection(workspace, SdkPool(environment, size=WORKERS))
        return _open[key]


@atexit.register
def close() -> None:
    """End all connections; the next `connect` opens a new one."""
    with _lock:
        while _open:
            _open.popitem()[1].close()


def require_sdk() -> None:
    """Raise `DeploymentError` (SW2103) where azureml-core is not installed."""
    if importlib.util.find_spec("azureml") is None or importlib.util.find_spec("azureml.core") is None:
        raise DeploymentError(
            "SW2103",
            "the azureml target needs its extra packages",
            cause="azureml-core is not installed",
            steps=["run: pip install 'scorewright[azureml]'"],
        )


def refused(error: SdkError, doing: str) -> DeploymentError:
    """What the SDK said as an error of ours. ``doing``: what was tried (``create cluster aks-gpu``)."""
    from scorewright.diagnosis import Evidence, diagnose

    found = diagnose([Evidence("service", error.said)])
    again = ["run the same command again: it goes on where this one stopped"]
    steps = list(found.steps) if found.known else again
    where = f" (HTTP {error.status}{', ' + error.error_code if error.error_code else ''})" if error.status else ""
    cause = error.message if found.code is None else f"{found.cause.rstrip('.')}: {error.message}"
    return DeploymentError(found.code or _CODES[error.kind], f"cannot {doing}{where}", cause=cause, steps=steps)


_CODES = {
    "service": "SW2104",
    "connection": "SW2105",
    "timeout": "SW2105",
    "lost": "SW2105",
    "input": "SW2106",
    "bug": "SW2106",
}
