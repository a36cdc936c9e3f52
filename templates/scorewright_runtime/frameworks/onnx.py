"""ONNX models in onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scorewright_runtime.errors import StartError

from .common import by_tensor, check_inputs, cuda_name, named, only, refuse, signature_of, threads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scorewright_runtime.types import Arrays

_CUDA = "CUDAExecutionProvider"


class OnnxModel:
    """A session. ``device``: by the first provider that the session really uses, since a provider that cannot load its
    libraries is left out without an error."""

    def __init__(self, session: Any, config: Mapping[str, Any], errors: tuple[type[Exception], ...]) -> None:
        self._session = session
        self._signature = signature_of(config)
        self._errors = errors
        check_inputs(self._signature, [node.name for node in session.get_inputs()])
        known = [node.name for node in session.get_outputs()]
        missing = [spec.tensor for spec in self._signature.outputs if spec.tensor not in known]
        if missing:
            text = f"the model has no output {', '.join(missing)}; it has {', '.join(known)}"
            raise StartError("SW1230", text)
        self._fetch = [spec.tensor for spec in self._signature.outputs]
        on_gpu = session.get_providers()[0] == _CUDA
        self.device = f"cuda:0 {cuda_name()}".strip() if on_gpu else "cpu"

    def predict(self, inputs: Arrays) -> Arrays:
        """See `Model`."""
        try:
            values = self._session.run(self._fetch, by_tensor(self._signature, inputs))
        except self._errors as error:
            refuse(error)
        return named(dict(zip(self._fetch, values)), self._signature.outputs)


def load(path: Path, config: Mapping[str, Any]) -> OnnxModel:
    """Load an ONNX file, or the one in a folder. Raises `StartError` (SW1230) if onnxruntime cannot."""
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    file = path / (config["load"].get("file") or only(path, "*.onnx").name) if path.is_dir() else path
    try:
        session = ort.InferenceSession(str(file), _options(ort, config), providers=_providers(ort, config["gpu"]))
    except Exception as error:  # onnxruntime has a class of its own for each kind of broken file
        raise StartError("SW1230", f"onnxruntime {ort.__version__} cannot load {file.name}: {error}") from error
    return OnnxModel(session, config, (state.InvalidArgument, state.RuntimeException, state.Fail))


def _options(ort: Any, config: Mapping[str, Any]) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads(config)
    options.inter_op_num_threads = 1
    # Threads that wait by spinning take the cores that the container's other threads need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _providers(ort: Any, gpu: str) -> list[str]:
    if gpu == "off" or _CUDA not in ort.get_available_providers():
        return ["CPUExecutionProvider"]
    # CUDA that came as pip packages is found only if it is loaded first (onnxruntime 1.21 and later).
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
    return [_CUDA, "CPUExecutionProvider"]
