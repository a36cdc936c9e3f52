"""ONNX models in onnxruntime."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright_runtime.errors import StartError

from .common import check_inputs, cuda_name, only, option, refuse, signature_of, threads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scorewright_runtime.types import Arrays

log = logging.getLogger("azmlinfsrv.scorewright")
_CPU, _CUDA, _TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
_NVINFER = ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10")


class OnnxModel:
    """A session. ``device``: by the first provider that the session really uses, since a provider that cannot load its
    libraries is left out without an error."""

    def __init__(self, session: Any, config: Mapping[str, Any], errors: tuple[type[Exception], ...]) -> None:
        self._signature = signature_of(config)
        self._errors = errors
        check_inputs(self._signature, [node.name for node in session.get_inputs()])
        known = [node.name for node in session.get_outputs()]
        missing = [spec.tensor for spec in self._signature.outputs if spec.tensor not in known]
        if missing:
            text = f"the model has no output {', '.join(missing)}; it has {', '.join(known)}"
            raise StartError("SW1230", text)
        self._feed = [(spec.tensor, spec.name) for spec in self._signature.inputs]
        self._fetch = [spec.tensor for spec in self._signature.outputs]
        self._names = [spec.name for spec in self._signature.outputs]
        self.device = _device(session.get_providers())
        texts = any(spec.dtype == "string" for spec in (*self._signature.inputs, *self._signature.outputs))
        self._run = session.run if self.device == "cpu" or texts else partial(run_bound, session)

    def predict(self, inputs: Arrays) -> Arrays:
        """See `Model`."""
        try:
            values = self._run(self._fetch, {tensor: inputs[name] for tensor, name in self._feed})
        except self._errors as error:
            refuse(error)
        return dict(zip(self._names, values))


def run_bound(session: Any, fetch: Sequence[str], feeds: Arrays) -> list[Any]:
    """``session.run`` for a session on a GPU: what is bound crosses to the device once, and back once.

    Strings cannot be bound. On the CPU, where nothing has to cross, ``session.run`` is quicker.
    """
    binding = session.io_binding()
    for name, array in feeds.items():
        binding.bind_cpu_input(name, array)
    for name in fetch:
        binding.bind_output(name, "cpu")
    session.run_with_iobinding(binding)
    return [value.numpy() for value in binding.get_outputs()]


def load(path: Path, config: Mapping[str, Any]) -> OnnxModel:
    """Load an ONNX file, or the one in a folder.

    Raises `StartError`: SW1230 if onnxruntime cannot; SW1232 if a GPU is required and TensorRT, which is asked for,
    does not run on it.
    """
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    file = path / (config["load"].get("file") or only(path, "*.onnx").name) if path.is_dir() else path
    try:
        session = ort.InferenceSession(str(file), _options(ort, config), providers=_providers(ort, config))
    except Exception as error:  # onnxruntime has a class of its own for each kind of broken file
        raise StartError("SW1230", f"onnxruntime {ort.__version__} cannot load {file.name}: {error}") from error
    if option(config, "tensorrt"):
        check_tensorrt(session.get_providers(), ort.get_available_providers(), config["gpu"])
    # RuntimeError: what a session says of arrays that are bound to it.
    return OnnxModel(session, config, (state.InvalidArgument, state.RuntimeException, state.Fail, RuntimeError))


def check_tensorrt(used: Sequence[str], available: Sequence[str], gpu: str) -> None:
    """Say that TensorRT is asked for and not used.

    Raises `StartError` (SW1232) where a GPU is required and there is one; without one, `gpu.enforce` says why.
    """
    if _TENSORRT in used:
        return
    lacks = "TensorRT 10 cannot be loaded; the pip packages tensorrt-cu12-libs and tensorrt-cu13-libs supply it"
    reason = lacks if _TENSORRT in available else "this onnxruntime is built without TensorRT"
    text = f"`tensorrt` is asked for, but the model runs in {used[0]}: {reason}"
    if gpu == "require" and _CUDA in used:
        raise StartError("SW1232", text)
    log.warning("SW1232: %s", text)


def _device(providers: Sequence[str]) -> str:
    if providers[0] not in (_CUDA, _TENSORRT):
        return "cpu"
    name = f"cuda:0 {cuda_name()}".strip()
    return f"{name} (TensorRT)" if providers[0] == _TENSORRT else name


def _options(ort: Any, config: Mapping[str, Any]) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads(config)
    options.inter_op_num_threads = 1
    # Threads that wait by spinning take the cores that the container's other threads need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _providers(ort: Any, config: Mapping[str, Any]) -> list[Any]:
    """The providers to try, best first, with their options."""
    available = ort.get_available_providers()
    if config["gpu"] == "off" or _CUDA not in available:
        return [_CPU]
    # CUDA that came as pip packages is found only if it is loaded first (onnxruntime 1.21 and later).
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
    # onnxruntime's own default tries all algorithms whenever a shape is new: with batches, in the midst of requests.
    search = option(config, "conv_search") or "heuristic"
    providers = [(_CUDA, {"cudnn_conv_algo_search": search.upper()}), _CPU]
    tensorrt = option(config, "tensorrt")
    if tensorrt and _TENSORRT in available:
        _preload_tensorrt()
        providers.insert(0, (_TENSORRT, {"trt_fp16_enable": tensorrt == "float16"}))
    return providers


def _preload_tensorrt() -> None:
    """Load TensorRT where it came as a pip package, which is in no path that the system's loader searches."""
    package = importlib.util.find_spec("tensorrt_libs")
    for folder in (package.submodule_search_locations or []) if package else []:
        for name in _NVINFER:
            try:
                ctypes.CDLL(str(Path(folder) / name), mode=ctypes.RTLD_GLOBAL)
            except OSError as error:
                log.debug("%s: %s", name, error)
