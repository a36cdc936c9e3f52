"""Legacy Keras files: HDF5 with the configuration in an attribute. Reading it needs h5py, which is a light package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scorewright.declared import batches, undeclared
from scorewright.findings import Finding, Level
from scorewright.framework import Inspection
from scorewright.signature import Signature, TensorSpec

from .keras_archive import keras_inspection

if TYPE_CHECKING:
    from scorewright.framework import InspectRequest

FORMAT = "h5"
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def inspect_hdf5(request: InspectRequest) -> Inspection:
    """Read configuration and version. Raises `ValueError` or `OSError` if the file cannot be read."""
    with request.path.open("rb") as file:
        if file.read(len(HDF5_MAGIC)) != HDF5_MAGIC:
            raise ValueError("it is no HDF5 file")
    weights = request.path.stat().st_size
    try:
        import h5py
    except ImportError:
        return _declared_only(request, weights)
    with h5py.File(request.path, "r") as content:
        config = content.attrs.get("model_config")
        version = content.attrs.get("keras_version", b"")
    if config is None:
        return Inspection(None, weights_bytes=weights, findings=(_weights_only(request),))
    return keras_inspection(request, json.loads(config), f"keras {_text(version)}".strip(), weights)


def _declared_only(request: InspectRequest, weights: int) -> Inspection:
    """Without h5py only the deploy file can say what goes in and out."""
    message = f"reading {request.path.name} needs the package h5py, which is not installed here"
    if request.inputs is None or request.outputs is None:
        inputs = () if request.inputs else (TensorSpec("x", "float32", (None, 1)),)
        outputs = () if request.outputs else (TensorSpec("output", "float32", (None, 1)),)
        finding = undeclared(f"{message}: install it (pip install h5py), or declare", inputs=inputs, outputs=outputs)
        return Inspection(None, weights_bytes=weights, findings=(finding,))
    structure = "single" if len(request.inputs) == 1 else "list"
    note = Finding(Level.WARNING, "SW1219", message, hint="pip install h5py", path="model.path")
    return Inspection(
        Signature(request.inputs, request.outputs, batches([*request.inputs, *request.outputs])),
        load={"inputs": structure, "safe_mode": not request.options.get("allow_pickle")},
        weights_bytes=weights,
        findings=(note,),
    )


def _weights_only(request: InspectRequest) -> Finding:
    message = f"{request.path.name} holds weights without the model they belong to"
    hint = "save the whole model: model.save('model.keras')"
    return Finding(Level.ERROR, "SW1213", message, hint=hint, path="model.path")


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
