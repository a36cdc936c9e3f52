"""Serves ONNX models with onnxruntime: one file, or a folder with external data.

Nothing here imports onnx or onnxruntime: `inspection` reads the file's own bytes, `packages` names what to install, and
the templates hold what runs in the container.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from scorewright.framework import Framework, Option
from scorewright.hookspecs import hookimpl
from scorewright.scripts import render_script

from .inspection import detect, inspect
from .packages import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

OPTIONS = {
    "conv_search": Option(
        "how CUDA chooses its convolutions: heuristic, as without it; exhaustive tries all for each new shape",
        ("heuristic", "exhaustive"),
    ),
    "tensorrt": Option(
        "run what TensorRT can run in TensorRT; float16: also in half precision", (True, False, "float16")
    ),
}


@hookimpl
def scorewright_frameworks() -> Iterable[Framework]:
    """The one framework of this plugin."""
    return [
        Framework(
            name="onnx",
            summary="ONNX files and folders with external data, served by onnxruntime",
            detect=detect,
            inspect=inspect,
            resolve=resolve,
            script=partial(render_script, "scorewright_templates", "onnx"),
            options=OPTIONS,
        )
    ]
