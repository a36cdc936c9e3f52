"""Finds ONNX models and says what goes in and out, from the file's own bytes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from scorewright.declared import settle
from scorewright.findings import Finding, Level
from scorewright.framework import Detection, Inspection
from scorewright.protowire import WireError
from scorewright.signature import DTYPES, Signature, TensorSpec

from .proto import read

if TYPE_CHECKING:
    from scorewright.framework import DetectRequest, InspectRequest

    from .proto import OnnxFile, Value

FORMAT = "onnx"
_SERVED = DTYPES - {"bfloat16"}


def detect(request: DetectRequest) -> Detection | None:
    """An ``.onnx`` file, a folder with one, or a file without ending that reads as one."""
    path = request.path
    if path.is_dir():
        names = [file.name for file in _files(path)]
        return Detection(FORMAT, f"folder with {', '.join(names)}") if names else None
    if path.suffix == ".onnx":
        return Detection(FORMAT, "file name ends in .onnx")
    if path.suffix:
        return None
    try:
        return Detection(FORMAT, f"ONNX graph of IR version {read(path).ir_version}")
    except (WireError, ValueError, OSError):
        return None


def inspect(request: InspectRequest) -> Inspection:
    """Read names, dtypes and shapes; check that all weights are there; compare with what the deploy file declares."""
    path = request.path
    if path.is_dir():
        files = _files(path)
        if len(files) != 1:
            return Inspection(None, findings=(_which(path, files),))
        path = files[0]
    try:
        model = read(path)
    except (WireError, ValueError, OSError) as error:
        return Inspection(None, findings=(_broken(path, error),))
    signature, findings = _signature(request, model)
    return Inspection(
        signature=signature,
        written_by=model.producer or None,
        load={
            "file": path.name if request.path.is_dir() else None,
            "opset": model.opset,
            "ir_version": model.ir_version,
        },
        weights_bytes=model.weights_bytes,
        findings=(*findings, *_external_findings(request.path, path, model)),
    )


def _signature(request: InspectRequest, model: OnnxFile) -> tuple[Signature | None, tuple[Finding, ...]]:
    asked = set(request.output_names or ()) | {tensor.tensor or tensor.name for tensor in request.outputs or ()}
    served = [value for value in model.outputs if value.kind in _SERVED]
    needed = [value for value in model.outputs if value.name in asked] if asked else list(model.outputs)
    refused = [value for value in (*model.inputs, *needed) if value.kind not in _SERVED]
    if refused:
        return None, tuple(_unserved(value, value in model.inputs, served) for value in refused)
    found = Signature(
        inputs=tuple(map(_spec, model.inputs)),
        outputs=tuple(map(_spec, served)),
        batch=_one_batch([*model.inputs, *served]),
    )
    return settle(request, found)


def _one_batch(values: list[Value]) -> bool:
    """Whether the first axis of all tensors is open and, where the model names it, has the same name everywhere."""
    if not values or any(not value.shape or value.shape[0] is not None for value in values):
        return False
    return len({value.axes[0] for value in values}) == 1


def _spec(value: Value) -> TensorSpec:
    return TensorSpec(value.name, value.kind, value.shape)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.onnx") if file.is_file())


def _which(folder: Path, files: list[Path]) -> Finding:
    names = ", ".join(file.name for file in files) or "none"
    message = f"the folder {folder} must hold exactly one .onnx file beside its data files; it holds {names}"
    return Finding(Level.ERROR, "SW1211", message, hint="give each model a folder of its own", path="model.path")


def _broken(path: Path, error: Exception) -> Finding:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Finding(
        Level.ERROR,
        "SW1211",
        f"{path} cannot be read as an ONNX model: {reason}",
        hint="export or copy the model again; a download that broke off looks like this",
        path="model.path",
    )


def _unserved(value: Value, is_input: bool, served: list[Value]) -> Finding:
    side = "input" if is_input else "output"
    names = ", ".join(other.name for other in served)
    hint = f"export the model with tensors of numpy's dtypes as {side}s"
    if not is_input and served:
        hint += f", or return only the others:\noutputs: [{names}]"
    message = f"the {side} {value.name!r} is a {value.kind}, which cannot be served"
    return Finding(Level.ERROR, "SW1217", message, hint=hint, path=f"{side}s")


def _external_findings(given: Path, path: Path, model: OnnxFile) -> list[Finding]:
    ends: dict[str, int] = {}
    for piece in model.external:
        ends[piece.location] = max(piece.end, ends.get(piece.location, 0))
    missing = (_external_finding(path, location, end) for location, end in sorted(ends.items()))
    findings = [finding for finding in missing if finding is not None]
    if ends and not given.is_dir():
        message = (
            f"the weights of {path.name} lie in files beside it ({', '.join(sorted(ends))}), which would stay behind"
        )
        hint = f"give the folder, with only this model in it:\nmodel: {{path: {path.parent.name}}}"
        findings.append(Finding(Level.ERROR, "SW1212", message, hint=hint, path="model.path"))
    return findings


def _external_finding(path: Path, location: str, end: int) -> Finding | None:
    inside = PurePosixPath(location)
    if not location or inside.is_absolute() or ".." in inside.parts:
        message = f"{path.name} keeps weights in {location!r}, which is not below its own folder"
    else:
        file = path.parent / inside
        size = file.stat().st_size if file.is_file() else None
        if size is not None and size >= end:
            return None
        message = f"{path.name} needs the file {location}, which is missing"
        if size is not None:
            message = f"{path.name} needs {end} bytes of {location}, which has {size}"
    hint = "copy the data files that the export wrote into the model's folder"
    return Finding(Level.ERROR, "SW1212", message, hint=hint, path="model.path")
