"""Finds PyTorch's formats and reads each with its own module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scorewright.findings import Finding, Level
from scorewright.framework import Detection, Inspection

from .archive import kind_of
from .exported import inspect_exported
from .torchscript import inspect_torchscript
from .weights import inspect_pickle, inspect_safetensors, inspect_state_dict

if TYPE_CHECKING:
    from collections.abc import Callable

    from scorewright.framework import DetectRequest, InspectRequest

_INSPECT: dict[str, Callable[[InspectRequest], Inspection]] = {
    "torchscript": inspect_torchscript,
    "export": inspect_exported,
    "state_dict": inspect_state_dict,
    "pickle": inspect_pickle,
    "safetensors": inspect_safetensors,
}
_REASONS = {
    "torchscript": "TorchScript archive",
    "export": "torch.export program",
    "state_dict": "weights saved with torch.save",
    "pickle": "pickle of a whole module",
    "safetensors": "safetensors weights",
}
# A broken file is still recognised by its ending, so that it is named and not called unknown.
_ENDINGS = {".pt": "state_dict", ".pth": "state_dict", ".pt2": "export", ".safetensors": "safetensors"}


def detect(request: DetectRequest) -> Detection | None:
    """Known by what is inside; the ending counts only where that cannot be read."""
    path = request.path
    if not path.is_file():
        return None
    try:
        kind = kind_of(path)
    except (ValueError, OSError):
        kind = None
    kind = kind or _ENDINGS.get(path.suffix)
    return Detection(kind, _REASONS[kind]) if kind else None


def inspect(request: InspectRequest) -> Inspection:
    """Read the signature of a model of any format here. A file that cannot be read becomes a finding."""
    try:
        return _without_texts(_INSPECT[request.format](request))
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        # Parsed JSON and pickles of a damaged file may lack anything; all of it means the same to the user.
        plain = isinstance(error, ValueError)
        reason = error.strerror if isinstance(error, OSError) else str(error) if plain else "a part of it is missing"
    return Inspection(
        None,
        findings=(
            Finding(
                Level.ERROR,
                "SW1211",
                f"{request.path} cannot be read as a PyTorch model: {reason}",
                hint="save or copy the model again; a download that broke off looks like this",
                path="model.path",
            ),
        ),
    )


def _without_texts(inspection: Inspection) -> Inspection:
    """The same, refused where the deploy file declares strings, which torch does not have."""
    signature = inspection.signature
    specs = () if signature is None else (*signature.inputs, *signature.outputs)
    texts = [spec.name for spec in specs if spec.dtype == "string"]
    if not texts:
        return inspection
    message = f"torch has no strings; {', '.join(texts)} cannot be served"
    finding = Finding(Level.ERROR, "SW1217", message, hint="encode texts as numbers in a handler", path="inputs")
    return replace(inspection, signature=None, findings=(*inspection.findings, finding))
