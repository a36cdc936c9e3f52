"""Models and bundles in the workspace's registry: registered once per content, found again by their hash."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError
from scorewright.hashing import model_files
from scorewright.target import LiveResource, Resource

from . import tags
from .connection import refused
from .inference import pack
from .sdk import SdkError

if TYPE_CHECKING:
    from scorewright.bundle import Bundle
    from scorewright.spec.models import Spec

    from .connection import Connection

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
    return Resource("model", name_of(bundle), {"hash": bundle.model_hash}, service=bundle.service)


def live(spec: Spec, found: list[dict[str, Any]]) -> tuple[LiveResource, ...]:
    """Our models by name, each with the hash of its newest version."""
    named = {service.model.name or name for name, service in spec.services.items()}
    newest: dict[str, dict[str, Any]] = {}
    for model in found:
        if model["tags"].get(tags.MADE) == "model" and model["version"] >= newest.get(model["name"], model)["version"]:
            newest[model["name"]] = model
    return tuple(
        LiveResource(
            "model",
            name,
            {"hash": model["tags"].get(tags.HASH)},
            ours=True,
            owned=tags.is_owned(model["tags"], spec, named=name in named),
            info={"version": model["version"]},
        )
        for name, model in newest.items()
    )


def ensure(connection: Connection, spec: Spec, bundle: Bundle) -> LiveResource:
    """Register the bundle's model unless its content is registered, and give the newest. Safe to repeat."""
    assert bundle.model_path is not None
    name = name_of(bundle)
    marks = tags.of(spec, "model", **{tags.HASH: bundle.model_hash, tags.SERVICE: bundle.service})
    framework = _FRAMEWORKS.get(bundle.framework)
    found = _ensure(connection, bundle.model_path, name, marks, framework)
    return LiveResource(
        "model", name, {"hash": bundle.model_hash}, ours=True, owned=True, info={"version": found["version"]}
    )


def _ensure(
    connection: Connection, path: Path, name: str, marks: dict[str, str], framework: str | None = None
) -> dict[str, Any]:
    same = {tags.HASH: marks[tags.HASH]}
    try:
        found: dict[str, Any] | None = connection.read("model_find", name=name, tags=same)
        if found is None:
            with tempfile.TemporaryDirectory(prefix="scorewright-model-") as folder:
                staged = _stage(path, Path(folder))
                found = connection.write("model_register", path=str(staged), name=name, tags=marks, framework=framework)
    except SdkError as error:
        if error.kind not in {"connection", "timeout", "lost"}:
            raise refused(error, f"register model {name}") from error
        found = _find_again(connection, name, same, error)
    assert found is not None
    return _only_one(connection, name, same, found)


def _find_again(connection: Connection, name: str, same: dict[str, str], error: SdkError) -> dict[str, Any]:
    """The answer was lost; the model may be there."""
    try:
        found: dict[str, Any] | None = connection.read("model_find", name=name, tags=same)
    except SdkError:
        found = None
    if found is None:
        raise refused(error, f"register model {name}") from error
    return found


def _only_one(connection: Connection, name: str, same: dict[str, str], keep: dict[str, Any]) -> dict[str, Any]:
    """The SDK sends a POST again whose answer was lost, and so can register twice: keep the first."""
    twins = [model for model in connection.read("model_list", tags=same) if model["name"] == name]
    first = min(twins, key=lambda model: int(model["version"]), default=keep)
    for twin in twins:
        if twin["version"] != first["version"]:
            connection.write("model_delete", name=name, version=twin["version"])
    return first


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


def registered_id(connection: Connection, bundle: Bundle) -> str:
    """``name:version`` of the model that a service is deployed with.

    Raises `DeploymentError` (SW2120) if a model that shall be registered already is not.
    """
    name = name_of(bundle)
    try:
        if bundle.model_path is not None:
            found = connection.read("model_find", name=name, tags={tags.HASH: bundle.model_hash})
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


def keep_bundle(connection: Connection, spec: Spec, bundle: Bundle) -> str:
    """Register the bundle itself, so that a later version can be rolled back from any machine; ``name:version``."""
    marks = tags.of(spec, "bundle", **{tags.HASH: bundle.hash, tags.SERVICE: bundle.service})
    with tempfile.TemporaryDirectory(prefix="scorewright-bundle-") as folder:
        packed = pack(bundle.files, Path(folder) / "bundle.zip")
        return str(_ensure(connection, packed, f"{bundle.service}.bundle", marks)["id"])


def remove(connection: Connection, name: str, kind: str = "model") -> None:
    """Delete every version of a model that we registered, but those that a service still uses."""
    try:
        for model in connection.read("model_list", tags={tags.MADE: kind}):
            if model["name"] == name:
                _remove_version(connection, name, model["version"])
    except SdkError as error:
        raise refused(error, f"delete model {name}") from error


def _remove_version(connection: Connection, name: str, version: int) -> None:
    try:
        connection.write("model_delete", name=name, version=version)
    except SdkError as error:
        if error.status != IN_USE:
            raise
