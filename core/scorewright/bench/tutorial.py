"""The tutorial's own score.py for a model: JSON to lists, to an array, through the model, and back to lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError
from scorewright.rendering import render

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scorewright.resolve import ResolvedService

TEMPLATES = "scorewright_templates"
FORMATS = {
    "onnx": "onnx",
    "checkpoint": "tensorflow",
    "savedmodel": "tensorflow",
    "keras": "tensorflow",
    "h5": "tensorflow",
    "torchscript": "pytorch",
    "export": "pytorch",
}
"""The formats that have such a script, and whose it is."""


@dataclass(frozen=True)
class TutorialContext:
    """What the scripts' templates may use. ``file``: the model's, below its folder. ``format``: one of `FORMATS`.
    ``input``, ``output``: names inside the model. ``dtype``: of the input. ``load``: what else was read from the file.
    ``threads``: that the model may use. ``argmax``: whether classes are answered in place of scores."""

    file: str
    format: str
    input: str
    output: str
    dtype: str
    load: Mapping[str, Any]
    threads: int
    argmax: bool


def write_script(service: ResolvedService, folder: Path) -> None:
    """Write ``score.py`` for a service's model into a folder.

    Raises `DeploymentError` (SW1803) where the tutorial's way cannot serve it: formats without such a script, models
    with several inputs, images and handlers.
    """
    context = _context(service)
    text = render(TEMPLATES, f"bench/tutorial-{FORMATS[context.format]}.py.jinja", context)
    (folder / "score.py").write_text(text, encoding="utf-8")


def _context(service: ResolvedService) -> TutorialContext:
    signature, path, form = service.inspection.signature, service.spec.model.path, service.detection.format
    if form not in FORMATS or path is None or signature is None or len(signature.inputs) != 1:
        raise DeploymentError(
            "SW1803",
            f"the tutorial's script cannot serve {service.name}",
            cause="it takes one input, from a model file on this machine, in one of: " + ", ".join(FORMATS),
            steps=["leave out --compare"],
        )
    one, output = signature.inputs[0], signature.outputs[0]
    file = path.name
    inside = service.inspection.load.get("file")
    if path.is_dir() and isinstance(inside, str):
        file = f"{file}/{inside}"
    return TutorialContext(
        file=file,
        format=form,
        input=one.tensor or one.name,
        output=output.tensor or output.name,
        dtype=one.dtype,
        load=dict(service.inspection.load),
        threads=max(1, int(service.spec.resources.cpu)),
        argmax=service.spec.output != "raw",
    )
