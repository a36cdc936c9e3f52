"""Serves TensorFlow models: SavedModel, Keras 3 ``.keras``, legacy Keras ``.h5``, and TensorFlow 1 checkpoints.

Nothing here imports TensorFlow: each module named after a format reads that format's own files, `packages` names what
to install, and the templates hold what runs in the container.
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
    "xla": Option("compile the model with XLA when the service starts", formats=("savedmodel", "keras", "h5")),
}


@hookimpl
def scorewright_frameworks() -> Iterable[Framework]:
    """The one framework of this plugin."""
    return [
        Framework(
            name="tensorflow",
            summary="SavedModel, Keras .keras and .h5, and TensorFlow 1 checkpoints, served by TensorFlow 2",
            detect=detect,
            inspect=inspect,
            resolve=resolve,
            script=partial(render_script, "scorewright_templates", "tensorflow"),
            options=OPTIONS,
        )
    ]
