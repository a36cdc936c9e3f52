"""What runs in the container: HTTP bodies to tensors, the model, and its answers.

A score script needs no more than this::

    from azureml_inference_server_http.api.aml_request import rawhttp
    from scorewright_runtime import Service

    CONFIG = {...}

    def load(path, config):
        return MyModel(path)          # has .device and .predict(inputs), see `Model`

    service = Service(CONFIG, load)

    def init():
        service.start()

    @rawhttp
    def run(request):
        return service.run(request)

The package is copied into every bundle. It needs Python 3.9 and numpy; Pillow for images; orjson and pysimdjson make it
faster where they are installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch import Outcome
    from .errors import BadRequest, GpuUnavailable, StartError, Unanswered
    from .service import Service
    from .types import Arrays, Model, Reply, Request, Signature, TensorSpec

__all__ = [
    "Arrays",
    "BadRequest",
    "GpuUnavailable",
    "Model",
    "Outcome",
    "Reply",
    "Request",
    "Service",
    "Signature",
    "StartError",
    "TensorSpec",
    "Unanswered",
]

_HOMES = {"Outcome": "batch", "Service": "service"}
_HOMES |= dict.fromkeys(("BadRequest", "GpuUnavailable", "StartError", "Unanswered"), "errors")


def __getattr__(name: str) -> Any:
    """Import what is asked for: gunicorn's first process loads `lane` alone, and must not hold numpy for that."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'types')}"), name)
