"""Finds TensorFlow's formats and reads each with its own module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.findings import Finding, Level
from scorewright.framework import Detection, Inspection
from scorewright.protowire import WireError

from .checkpoint import inspect_checkpoint, meta_files
from .keras_archive import inspect_keras, is_keras_archive
from .keras_hdf5 import HDF5_MAGIC, inspect_hdf5
from .savedmodel import inspect_savedmodel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scorewright.framework import DetectRequest, InspectRequest

_INSPECT: dict[str, Callable[[InspectRequest], Inspection]] = {
    "savedmodel": inspect_savedmodel,
    "keras": inspect_keras,
    "h5": inspect_hdf5,
    "checkpoint": inspect_checkpoint,
}


def detect(request: DetectRequest) -> Detection | None:
    """Known by what is inside, by the ending only where a broken file must still be recognised."""
    path = request.path
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return Detection("savedmodel", "folder with saved_model.pb")
        metas = meta_files(path)
        return Detection("checkpoint", f"folder with {metas[0].name}") if metas else None
    if path.suffix == ".meta":
        return Detection("checkpoint", "file name ends in .meta")
    if path.suffix == ".keras" or is_keras_archive(path):
        return Detection("keras", "Keras archive")
    if path.suffix in (".h5", ".hdf5") or _starts_with(path, HDF5_MAGIC):
        return Detection("h5", "HDF5 file")
    return None


def inspect(request: InspectRequest) -> Inspection:
    """Read the signature of a model of any format here. A file that cannot be read becomes a finding."""
    try:
        return _INSPECT[request.format](request)
    except (WireError, OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Inspection(None, findings=(_broken(request.path, reason),))


def _broken(path: Path, reason: str) -> Finding:
    return Finding(
        Level.ERROR,
        "SW1211",
        f"{path} cannot be read as a TensorFlow model: {reason}",
        hint="save or copy the model again; a download that broke off looks like this",
        path="model.path",
    )


def _starts_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False
