"""Keras 3 archives: a zip of ``metadata.json``, ``config.json`` and ``model.weights.h5``."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

from scorewright.declared import settle
from scorewright.findings import Finding, Level
from scorewright.framework import Inspection
from scorewright.signature import DTYPES, TensorSpec

from .keras_config import UnknownModel, read_model

if TYPE_CHECKING:
    from pathlib import Path

    from scorewright.framework import InspectRequest

FORMAT = "keras"
_MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
_MOST_JSON = 64 * 2**20  # a larger configuration is no model's


def is_keras_archive(path: Path) -> bool:
    """Whether a file is such an archive, whatever its name."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(_MEMBERS[:2]) <= set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def inspect_keras(request: InspectRequest) -> Inspection:
    """Read configuration and version. Raises `ValueError` or `OSError` if the archive cannot be read."""
    try:
        with zipfile.ZipFile(request.path) as archive:
            metadata, config = (_json(archive, name) for name in _MEMBERS[:2])
            weights = archive.getinfo(_MEMBERS[2]).file_size
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(str(error).strip("'\"") or "it is no whole zip archive") from error
    return keras_inspection(request, config, f"keras {metadata.get('keras_version', '')}".strip(), weights)


def keras_inspection(request: InspectRequest, config: dict[str, Any], written_by: str, weights: int) -> Inspection:
    """What a Keras model's configuration says, compared with the deploy file."""
    allow = bool(request.options.get("allow_pickle"))
    try:
        model = read_model(config)
    except (UnknownModel, KeyError, TypeError, AttributeError, IndexError) as error:
        reason = str(error) if isinstance(error, UnknownModel) else "its configuration is not laid out as Keras does"
        return Inspection(None, written_by=written_by, weights_bytes=weights, findings=(_unknown(request, reason),))
    findings = [] if allow or not model.lambdas else [_lambdas(model.lambdas)]
    if model.foreign:
        findings.append(_foreign(model.foreign))
    refused = [spec for spec in (*model.signature.inputs, *model.signature.outputs) if spec.dtype not in DTYPES]
    findings += [_unserved(spec) for spec in refused]
    signature, differences = settle(request, model.signature)
    return Inspection(
        signature=None if refused else signature,
        written_by=written_by,
        load={"inputs": model.structure, "safe_mode": not allow},
        weights_bytes=weights,
        findings=(*findings, *differences),
    )


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    if archive.getinfo(name).file_size > _MOST_JSON:
        raise ValueError(f"its {name} is larger than {_MOST_JSON} bytes")
    found = json.loads(archive.read(name))
    if not isinstance(found, dict):
        raise ValueError(f"its {name} is no JSON object")
    return found


def _unknown(request: InspectRequest, reason: str) -> Finding:
    message = f"{request.path.name} does not say what goes in and out: {reason}"
    hint = "export it as a SavedModel, which does: model.export(folder)"
    return Finding(Level.ERROR, "SW1213", message, hint=hint, path="model.path")


def _lambdas(names: tuple[str, ...]) -> Finding:
    message = f"the model has lambda layers ({', '.join(names)}), whose code would run when the model is loaded"
    hint = "export it as a SavedModel (model.export(folder)), or, if you trust the file:\nmodel: {allow_pickle: true}"
    return Finding(Level.ERROR, "SW1215", message, hint=hint, path="model.allow_pickle")


def _foreign(names: tuple[str, ...]) -> Finding:
    message = (
        f"the model has classes that are not Keras's own ({', '.join(names)}) and loads only where they are defined"
    )
    hint = "export it as a SavedModel, which carries its own code: model.export(folder)"
    return Finding(Level.ERROR, "SW1218", message, hint=hint, path="model.path")


def _unserved(spec: TensorSpec) -> Finding:
    message = f"{spec.name!r} is a {spec.dtype}, which cannot be served"
    return Finding(Level.ERROR, "SW1217", message, hint="export a model with plain tensors", path="model.path")
