"""One version of a service on disk, as the container in the cloud has it, with all that is needed to start it again.

    versions/0001-5fd0c2a1-8e21/
        launch.json                           written last: without it the version is not there
        app/                                  AML_APP_ROOT, the working directory
            bundle/score.py …                 AZUREML_SOURCE_DIRECTORY
            azureml-models/NAME/VERSION/…     AZUREML_MODEL_DIR, read-only

The model is a copy, so that training may write over the original while the service reads it; versions with the same
model share one copy through hard links.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .files import read_json, remove_tree, write_json
from .places import ServicePlace, service_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scorewright.bundle import Bundle
    from scorewright.findings import Json

SOURCE = "bundle"
MODELS = "azureml-models"

INHERITED = frozenset(
    ["HOME", "LANG", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER"]
)
INHERITED_PREFIXES = ("CUDA_", "LC_", "NVIDIA_")
"""What a server gets of the caller's environment. All else stays out, the caller's credentials first of all."""


@dataclass(frozen=True)
class Version:
    """One version of a service. ``folder`` holds it; ``launch`` is what its ``launch.json`` says."""

    folder: Path
    launch: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its name, in the order of making."""
        return self.folder.name

    @property
    def app(self) -> Path:
        """Its app root."""
        return self.folder / "app"

    @property
    def source(self) -> Path:
        """The folder of its score script."""
        return self.app / SOURCE

    @property
    def model(self) -> Path:
        """The folder of its model."""
        return self.app / MODELS / str(self.launch["model"]["name"]) / str(self.launch["model"]["version"])


def read_version(folder: Path) -> Version | None:
    """The version in a folder, or None if it was never finished."""
    launch = read_json(folder / "launch.json")
    return Version(folder, launch) if launch else None


def read_versions(place: ServicePlace) -> Iterator[Version]:
    """Every finished version of a service, oldest first."""
    if place.versions.is_dir():
        for folder in sorted(place.versions.iterdir()):
            version = read_version(folder)
            if version is not None:
                yield version


def prune(place: ServicePlace) -> None:
    """Delete every version but the current one and the one before."""
    kept = read_json(place.record)
    if place.versions.is_dir():
        for folder in place.versions.iterdir():
            if folder.name not in (kept.get("current"), kept.get("previous")):
                remove_tree(folder)


def build_version(
    place: ServicePlace,
    bundle: Bundle,
    model: Path,
    python: Path,
    deadline: float,
    properties: Mapping[str, Json],
) -> Version:
    """Lay out a new version of a service.

    ``model``: the user's file or folder. ``python``: the interpreter that runs it. ``deadline``: seconds that its
    start may take. ``properties``: what it is compared by. A version whose making was cut short is deleted by `prune`.
    """
    folder = place.versions / _next_id(place, bundle.hash)
    name = bundle.spec.model.name or bundle.service
    version = Version(
        folder,
        {
            "service": bundle.service,
            "hash": bundle.hash,
            "python": str(python),
            "model": {
                "name": name,
                "version": _model_version(place, name, bundle.model_hash),
                "hash": bundle.model_hash,
                "file": model.name,
            },
            "auth": bundle.spec.auth,
            "timeout_ms": bundle.spec.timeout_ms,
            "max_concurrent_requests": bundle.spec.max_concurrent_requests,
            "deadline_seconds": deadline,
            "sources": _sources(bundle),
            "properties": dict(properties),
            "parts": bundle.parts,
        },
    )
    _write_files(version.source, bundle.files)
    _place_model(place, version, model)
    environment = server_environment(bundle, version, python, deadline)
    write_json(folder / "launch.json", {**version.launch, "environment": environment})
    finished = read_version(folder)
    assert finished is not None
    return finished


def server_environment(bundle: Bundle, version: Version, python: Path, deadline: float) -> dict[str, str]:
    """The whole environment of the server process: little of the caller's, then defaults, the bundle's, the deploy
    file's, and last what says where things are."""
    inherited = {name: value for name, value in os.environ.items() if is_inherited(name)}
    timeout = bundle.spec.timeout_ms / 1000
    defaults = {
        "WORKER_COUNT": "1",
        "WORKER_TIMEOUT": str(int(max(300.0, timeout + 30, deadline))),
        "SCORING_TIMEOUT_MS": str(bundle.spec.timeout_ms),
        "SERVICE_NAME": bundle.service,
        "SCOREWRIGHT_GPU_DEFAULT": "prefer",
    }
    variables = bundle.environment.get("variables")
    said = {name: str(value) for name, value in variables.items()} if isinstance(variables, dict) else {}
    fixed = {
        "AML_APP_ROOT": str(version.app),
        "AZUREML_SOURCE_DIRECTORY": SOURCE,
        "AZUREML_ENTRY_SCRIPT": f"{SOURCE}/score.py",
        "AZUREML_MODEL_DIR": str(version.model),
        "PYTHONUNBUFFERED": "1",
    }
    merged = {"PATH": os.defpath, **inherited, **defaults, **said, **bundle.spec.env, **fixed}
    return {**merged, "PATH": os.pathsep.join([str(python.parent), merged["PATH"]])}


def is_inherited(name: str) -> bool:
    """Whether a variable of the caller's environment is passed on."""
    return name in INHERITED or name.startswith(INHERITED_PREFIXES)


def _next_id(place: ServicePlace, digest: str) -> str:
    """A name that sorts after all others and was never used: a front may still be deleting one of the same content."""
    taken = [folder.name for folder in place.versions.iterdir()] if place.versions.is_dir() else []
    numbers = [int(name.split("-")[0]) for name in taken]
    return f"{max(numbers, default=0) + 1:04d}-{digest[:8]}-{secrets.token_hex(2)}"


def _model_version(place: ServicePlace, name: str, digest: str) -> int:
    """The number that a registry would give: the same for the same content, else one more than any before."""
    highest = 0
    for sibling in service_places(place.folder.parent):
        for version in read_versions(sibling):
            model = version.launch["model"]
            if model["name"] == name and model["hash"] == digest:
                return int(model["version"])
            if model["name"] == name:
                highest = max(highest, int(model["version"]))
    return highest + 1


def _sources(bundle: Bundle) -> dict[str, str]:
    """The user's own files by their names in the bundle, so that errors can name the file that the user edits.

    Found by content, since the bundle gives them names of its own.
    """
    own = [path for path in (bundle.spec.handler, bundle.spec.model.module) if path is not None and path.is_file()]
    contents = {path.read_bytes(): str(path) for path in own}
    return {name: contents[content] for name, content in bundle.files.items() if content in contents}


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _place_model(place: ServicePlace, version: Version, model: Path) -> None:
    """Put the model's content where the server looks for it, linked from a version that has it, else copied."""
    version.model.mkdir(parents=True)
    target = version.model / model.name
    shared = _find_copy(place, version)
    if shared is not None:
        # A file system without hard links: copy after all.
        with contextlib.suppress(OSError):
            _transfer(shared, target, link=True)
            return
        remove_tree(target) if target.is_dir() else target.unlink(missing_ok=True)
    _transfer(model, target, link=False)


def _find_copy(place: ServicePlace, wanted: Version) -> Path | None:
    """A model of the same name and content that another version of this deploy file has already."""
    for sibling in service_places(place.folder.parent):
        for version in read_versions(sibling):
            copy = version.model / str(version.launch["model"]["file"])
            same = (
                version.launch["model"]["hash"] == wanted.launch["model"]["hash"]
                and version.launch["model"]["file"] == wanted.launch["model"]["file"]
            )
            if same and copy.exists():
                return copy
    return None


def _transfer(source: Path, target: Path, *, link: bool) -> None:
    """Copy or hard-link a file or a folder; what symbolic links lead to is copied, not the links."""
    place_file = _link if link else _copy
    if source.is_dir():
        shutil.copytree(source, target, copy_function=place_file)
    else:
        place_file(str(source), str(target))


def _link(source: str, target: str) -> str:
    os.link(source, target)
    return target


def _copy(source: str, target: str) -> str:
    shutil.copyfile(source, target)
    os.chmod(target, 0o444)
    return target
