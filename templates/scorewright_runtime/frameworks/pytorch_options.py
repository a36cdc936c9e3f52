"""The options of a PyTorch service. One that cannot be done is an error at the start: it was asked for."""

from __future__ import annotations

import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from scorewright_runtime.errors import StartError

from .common import option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_AMPERE = 8
"""Compute capability of the first GPUs that compute in bfloat16; on others torch imitates it, slower than float32."""


class Tuned(NamedTuple):
    """A module made ready. ``context``: makes what each call is to run in. ``images``: whether images go in as NHWC.
    ``half``: whether answers may be in half precision. ``failures``: what a compiler raises, and no request causes."""

    module: Any
    context: Callable[[], AbstractContextManager[Any]]
    images: bool
    half: bool
    failures: tuple[type[Exception], ...]


def tune(torch: Any, module: Any, device: Any, config: Mapping[str, Any]) -> Tuned:
    """Apply the options that the deploy file sets. Raises `StartError` (SW1232) for one that cannot be done."""
    half, images = option(config, "autocast"), bool(option(config, "channels_last"))
    context: Callable[[], AbstractContextManager[Any]] = _autocast(torch, device, half) if half else nullcontext
    if images:
        module = _channels_last(torch, module)
    failures: tuple[type[Exception], ...] = ()
    if option(config, "compile"):
        module, failures = _compiled(torch, module)
    return Tuned(module, context, images, bool(half), failures)


def _autocast(torch: Any, device: Any, name: str) -> Callable[[], AbstractContextManager[Any]]:
    if device.type == "cuda" and name == "bfloat16" and torch.cuda.get_device_capability(device)[0] < _AMPERE:
        text = f"{torch.cuda.get_device_name(device)} does not compute in bfloat16; say `autocast: float16`"
        raise StartError("SW1232", text)
    make = partial(torch.autocast, device.type, dtype=getattr(torch, name))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # torch turns autocast off with a mere warning
            make()
    except (RuntimeError, UserWarning) as error:
        raise StartError("SW1232", f"torch {torch.__version__} cannot do `autocast: {name}`: {error}") from error
    return make


def _channels_last(torch: Any, module: Any) -> Any:
    if not any(weight.dim() == 4 for weight in module.parameters()):
        text = "`channels_last` is for convolutions of images, and the model has no weights with four axes"
        raise StartError("SW1232", text)
    return module.to(memory_format=torch.channels_last)


def _compiled(torch: Any, module: Any) -> tuple[Any, tuple[type[Exception], ...]]:
    """The module, which compiles when it is first called, and what that may raise."""
    # In this process: torch would start one process for each of the host's cores, and keep them.
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    try:
        compiled = torch.compile(module)
        from torch._dynamo.exc import BackendCompilerFailed
    except (AttributeError, ImportError, RuntimeError) as error:  # TorchScript, or a torch or Python without it
        said = " ".join(str(error).split())
        raise StartError("SW1232", f"torch {torch.__version__} cannot compile the model: {said}") from error
    return compiled, (BackendCompilerFailed,)
