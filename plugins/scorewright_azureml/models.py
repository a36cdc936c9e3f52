"""Models and bundles in the workspace's registry: registered once per content, found again by their hash."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright.bundle_parts import from_text, to_text
from scorewright.errors import DeploymentError
from scorewright.hashing import model_files
from scorewright.target import LiveResource, Resource

from . import tags
from .connection import refused
from .inference import pack
from .sdk import SdkError
from .waiting import UPLOAD, Clock

if TYPE_CHECKING:
    from scorewright.bundle import Bundle
    from scorewright.events import Emit
    from scorewright.spec.models import Spec

    from .connection import Connection

_LONGEST_TAG = 256
"""Characters of a tag's value that Azure takes:
https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources"""
IN_USE = 412
"""The status with which the registry refuses to delete what a service uses."""
# What azureml-core calls the frameworks; others are registered without a name.
_FRAMEWORKS = {"tensorflow": "TensorFlow", "pytorch": "PyTorch", "onnx": "Onnx"}


def name_of(bundle: Bundle) -> str:
    """The name that a service's model is registered under."""
    return bundle.spec.model.name or bundle.service


def resource(bundle: Bundle) -> Resource | None:
    """The model that shall be registered; None where the service uses a registered one."""
    if bundle.model_path is None:
        return None
    return Resource("model", name_of(bundle), {"hash": bundle.model_hash}, service=bundle.service, hourly_usd=0.0)


def live(spec: Spec, found: list[dict[str, Any]], services: list[dict[str, Any]]) -> tuple[LiveResource, ...]:
    """The deploy file's models by name, each with the hash of the version that serves, else of the newest; and bundles
    whose service is gone. ``found``: all that we registered. ``services``: all services of the workspace."""
    named = {service.model.name or name for name, service in spec.services.items()}
    grouped: dict[str, list[dict[str, Any]]] = {}
    for model in found:
        if model["tags"].get(tags.PROJECT) == spec.project:
            grouped.setdefault(model["name"], []).append(model)
    there = {service["name"] for service in services}
    serving = {model for service in services for model in service["models"]}
    before = {model for service in services for model in service["tags"].get(tags.BEFORE, "").split()}
    seen: list[LiveResource] = []
    for name, versions in grouped.items():
        newest = max(versions, key=lambda model: (model["id"] in serving, int(model["version"])))
        marks, service = newest["tags"], newest["tags"].get(tags.SERVICE)
        bundle = marks.get(tags.MADE) == "bundle"
        if bundle and service in there:
            continue  # it goes with its service
        owned = tags.is_owned(marks, spec, named=service in spec.services if bundle else name in named)
        spare = service in spec.services if bundle else any(model["id"] in serving | before for model in versions)
        info = {"version": newest["version"]}
        seen.append(
            LiveResource("model", name, {"hash": marks.get(tags.HASH)}, ours=True, owned=owned, info=info, spare=spare)
        )
    return tuple(seen)


def ensure(connection: Connection, spec: Spec, bundle: Bundle, emit: Emit) -> LiveResource:
    """Register the bundle's model unless its content is registered, and give the oldest. Safe to repeat."""
    assert bundle.model_path is not None
    name = name_of(bundle)
    marks = tags.of(spec, "model", **{tags.HASH: bundle.model_hash, tags.SERVICE: bundle.service})
    framework = _FRAMEWORKS.get(bundle.framework)
    clock = Clock(emit, f"model/{name}")
    found = _ensure(connection, bundle.model_path, name, marks, clock, framework)
    return LiveResource(
        "model", name, {"hash": bundle.model_hash}, ours=True, owned=True, info={"version": found["version"]}
    )


def _ensure(
    connection: Connection, path: Path, name: str, marks: dict[str, str], clock: Clock, framework: str | None = None
) -> dict[str, Any]:
    try:
        same, lost = _intact(connection, path, name, marks), None
        if not same:
            clock.enter(UPLOAD, f"sending {name}")
            with tempfile.TemporaryDirectory(prefix="scorewright-model-") as folder:
                staged = _stage(path, Path(folder))
                lost = _register(connection, path=str(staged), name=name, tags=marks, framework=framework)
            same = _intact(connection, path, name, marks)
        if not same:
            raise lost or SdkError("connection", "what was sent did not arrive whole")
        for twin in same[1:]:  # the SDK sends a POST again whose answer was lost, and so can register twice
            _remove_version(connection, name, twin["version"])
    except SdkError as error:
        raise refused(error, f"register model {name}") from error
    return same[0]


def _intact(connection: Connection, path: Path, name: str, marks: dict[str, str]) -> list[dict[str, Any]]:
    """The versions of this content whose files arrived whole; others are deleted."""
    expected = sorted(file.stat().st_size for file in model_files(path).values())
    whole = []
    for model in _same(connection, name, marks):
        if connection.read("model_sizes", model=model["id"]) == expected:
            whole.append(model)
        else:
            _remove_version(connection, name, model["version"])
    return whole


def _same(connection: Connection, name: str, marks: dict[str, str]) -> list[dict[str, Any]]:
    """Versions of this content that we registered for the same project, oldest first."""
    wanted = {key: marks[key] for key in (tags.MADE, tags.HASH)}
    found = connection.read("model_list", name=name, tags=wanted)
    ours = [model for model in found if model["tags"].get(tags.PROJECT) == marks.get(tags.PROJECT)]
    return sorted(ours, key=lambda model: int(model["version"]))


def _register(connection: Connection, **arguments: object) -> SdkError | None:
    """Register, and give the failure that leaves open what came of it: then the caller looks at what is there."""
    try:
        connection.write("model_register", **arguments)
    except SdkError as error:
        if not error.may_have_happened:
            raise
        return error
    return None


def _stage(path: Path, folder: Path) -> Path:
    """The files that are registered in a clean folder: the SDK would send hidden files and caches too."""
    target = folder / path.name
    for name, source in model_files(path).items():
        file = target if path.is_file() else target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, file)
        except OSError:  # another file system
            shutil.copyfile(source, file)
    return target


def registered_id(connection: Connection, spec: Spec, bundle: Bundle) -> str:
    """``name:version`` of the model that a service is deployed with.

    Raises `DeploymentError` (SW2120) if a model that shall be registered already is not.
    """
    name = name_of(bundle)
    try:
        if bundle.model_path is not None:
            marks = tags.of(spec, "model", **{tags.HASH: bundle.model_hash})
            found = next(iter(_same(connection, name, marks)), None)
        else:
            version = bundle.spec.model.version
            found = connection.read("model_get", name=name, version=None if version is None else int(version))
    except SdkError as error:
        raise refused(error, f"find model {name}") from error
    if found is None:
        raise DeploymentError(
            "SW2120",
            f"model {name} is not registered",
            cause=f"the workspace has no model {name} of this version",
            steps=["correct model.name and model.version, or give model.path to register a file"],
        )
    return str(found["id"])


def bundle_name(service: str) -> str:
    """The name that a service's bundles are registered under."""
    return f"{service}.bundle"


def parts(found: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """What the hashes of registered bundles stand for, by ``name:version``."""
    return {model["id"]: from_text(model["tags"].get(tags.PARTS, "")) for model in found}


def keep_bundle(connection: Connection, spec: Spec, bundle: Bundle, clock: Clock) -> str:
    """Register the bundle itself, so that a later version can be rolled back from any machine; ``name:version``."""
    told = to_text(bundle.parts)
    parts = {tags.PARTS: told} if len(told) <= _LONGEST_TAG else {}
    marks = tags.of(spec, "bundle", **{tags.HASH: bundle.hash, tags.SERVICE: bundle.service, **parts})
    with tempfile.TemporaryDirectory(prefix="scorewright-bundle-") as folder:
        packed = pack(bundle.files, Path(folder) / "bundle.zip")
        return str(_ensure(connection, packed, bundle_name(bundle.service), marks, clock)["id"])


def remove(connection: Connection, spec: Spec, name: str, keep: frozenset[str] = frozenset()) -> None:
    """Delete every version that we registered under a name for this project, but ``keep`` (``name:version``) and what
    a service still uses."""
    try:
        for model in connection.read("model_list", name=name, tags={tags.MADE: None}):
            if model["tags"].get(tags.PROJECT) == spec.project and model["id"] not in keep:
                _remove_version(connection, name, model["version"])
    except SdkError as error:
        raise refused(error, f"delete model {name}") from error


def _remove_version(connection: Connection, name: str, version: int) -> None:
    try:
        connection.write("model_delete", name=name, version=version)
    except SdkError as error:
        if error.status != IN_USE:
            raise
