"""How requests reach a service's script: by the fast lane or the server's own path, and with how many threads.

All of it is said to gunicorn, which is inside Azure's server, through gunicorn's own environment variable
(https://docs.gunicorn.org/en/stable/settings.html); the server is started as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .spec.models import ServiceSpec

_FOLDERS = "bundle,/var/azureml-app/bundle"
"""Where the bundle is, from the folder that the server is started in; and where it is in Azure ML's containers."""

_KEEP_ALIVE = "--keep-alive 75"
"""Longer than the minute after which front ends close idle connections, so that they never meet a closed one."""

_FEW, _MANY = 4, 128
"""Threads of the stock lane: for models that answer at once more only stand in each other's way."""


def variables(spec: ServiceSpec) -> dict[str, str]:
    """The environment variables that set the server up. The time-out is not among them: targets say it themselves."""
    return {
        "GUNICORN_CMD_ARGS": _gunicorn(spec),
        # Else each thread keeps memory of its own for large bodies, or takes it from the system with every request.
        "MALLOC_ARENA_MAX": "1",
        "OMP_NUM_THREADS": str(max(1, int(spec.resources.cpu))),  # else libraries take all cores of the host
    }


def _gunicorn(spec: ServiceSpec) -> str:
    if spec.serving.lane == "fast":
        return f"--pythonpath {_FOLDERS} -k scorewright_runtime.lane.Worker {_KEEP_ALIVE}"
    logger = f"--pythonpath {_FOLDERS} --logger-class scorewright_runtime.accesslog.Logger"
    return f"-k gthread --threads {_threads(spec)} {_KEEP_ALIVE} {logger}"


def _threads(spec: ServiceSpec) -> int:
    """As many as a batch has rows, where batches pay: on a GPU, or where the deploy file asks for them."""
    if not spec.batching or (spec.gpu == "off" and "batching" not in spec.model_fields_set):
        return _FEW
    return min(max(spec.batching.max_batch_size, _FEW), _MANY)
