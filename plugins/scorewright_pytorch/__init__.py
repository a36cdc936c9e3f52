"""Serves PyTorch models: TorchScript, ``torch.export`` programs, and weights with the file that defines their network.

Nothing here imports torch and nothing is unpickled: each module named after a format reads that format's own bytes,
`packages` names what to install, and the templates hold what runs in the container.
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
    "autocast": Option(
        "compute in half precision where torch deems it safe; answers keep their dtype", (False, "float16", "bfloat16")
    ),
    "channels_last": Option("keep images and the weights of convolutions in the order NHWC"),
    "compile": Option(
        "compile the network with torch.compile when the service starts",
        formats=("export", "state_dict", "safetensors", "pickle"),
    ),
}


@hookimpl
def scorewright_frameworks() -> Iterable[Framework]:
    """The one framework of this plugin."""
    return [
        Framework(
            name="pytorch",
            summary="TorchScript, torch.export .pt2, and state_dict or safetensors weights with their module's file",
            detect=detect,
            inspect=inspect,
            resolve=resolve,
            script=partial(render_script, "scorewright_templates", "pytorch"),
            options=OPTIONS,
        )
    ]
