"""PyTorch models: TorchScript, ``torch.export`` programs, and weights with the file that defines their network."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright_runtime.errors import StartError
from scorewright_runtime.types import Signature

from .common import by_tensor, flat, named, refuse, threads
from .pytorch_options import tune

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scorewright_runtime.types import Arrays

_BUNDLE = Path(__file__).resolve().parents[2]


class TorchModel:
    """A module on its device. ``device``: where its parameters are; that of a new tensor if it has none."""

    def __init__(self, module: Any, device: Any, config: Mapping[str, Any]) -> None:
        import torch

        self._torch = torch
        self._signature = Signature.from_dict(config["signature"])
        load = config["load"]
        self._args = load.get("args") or [spec.tensor for spec in self._signature.inputs]
        self._kwargs = load.get("kwargs") or []
        tensors = [*module.parameters(), *module.buffers()]
        self._device = tensors[0].device if tensors else torch.zeros(1, device=device).device
        self.device = _describe(torch, self._device)
        self._tuned = tune(torch, module, self._device, config)
        self._inputs = {spec.tensor: spec for spec in self._signature.inputs}
        self._dtypes = {spec.name: spec.dtype for spec in self._signature.outputs}
        missing = [name for name in (*self._args, *self._kwargs) if name not in self._inputs]
        if missing:
            raise StartError("SW1230", f"the model needs the inputs {', '.join(missing)}, which the signature lacks")

    def predict(self, inputs: Arrays) -> Arrays:
        """See `Model`."""
        arrays = by_tensor(self._signature, inputs)
        tuned = self._tuned
        with self._torch.inference_mode():
            tensors = {name: self._tensor(array, self._inputs[name].dtype) for name, array in arrays.items()}
            args = [tensors[name] for name in self._args]
            try:
                with tuned.context():
                    result = tuned.module(*args, **{name: tensors[name] for name in self._kwargs})
            except tuned.failures as error:
                said = " ".join(str(error).split())[:600]
                raise StartError("SW1232", f"torch.compile fails on this model: {said}") from error
            except (RuntimeError, IndexError) as error:
                if isinstance(error, self._torch.cuda.OutOfMemoryError):
                    raise
                refuse(error)
            outputs = named(flat(result), self._signature.outputs)
            return {name: self._array(value, self._dtypes[name]) for name, value in outputs.items()}

    def _tensor(self, array: Any, dtype: str) -> Any:
        torch = self._torch
        # torch cannot mark a tensor as read-only, so it warns of arrays that are.
        tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
        pinned = self._device.type == "cuda"  # such memory crosses to the GPU while the CPU goes on
        return (tensor.pin_memory() if pinned else tensor).to(
            device=self._device,
            dtype=torch.bfloat16 if dtype == "bfloat16" else None,
            non_blocking=pinned,
            memory_format=torch.channels_last if self._tuned.images and tensor.dim() == 4 else torch.preserve_format,
        )

    def _array(self, tensor: Any, dtype: str) -> Any:
        tensor = tensor.detach().to("cpu")
        if self._tuned.half and tensor.is_floating_point() and "float" in dtype:
            tensor = tensor.to(getattr(self._torch, dtype))
        return (tensor.float() if tensor.dtype == self._torch.bfloat16 else tensor).numpy()


def load(path: Path, config: Mapping[str, Any]) -> TorchModel:
    """Load a model onto the GPU where there is one and the policy admits it.

    Raises `StartError`: SW1230 if torch cannot; SW1232 for an option that cannot be done. Unless the deploy file
    consents to pickles, nothing is unpickled but tensors.
    """
    import torch

    torch.set_num_threads(threads(config))
    device = torch.device("cuda:0" if config["gpu"] != "off" and torch.cuda.is_available() else "cpu")
    kind = config["format"] if config["format"] in _LOADERS else _kind(path)
    consent = bool(config["load"].get("pickle"))
    try:
        with _tensors_only(not consent):
            module = _LOADERS[kind](torch, path, device, config["load"])
    except StartError:
        raise
    except Exception as error:  # torch raises anything for a broken file, and so does the user's module
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise StartError("SW1230", f"torch {torch.__version__} cannot load {path.name}: {said}") from error
    return TorchModel(module, device, config)


def _torchscript(torch: Any, path: Path, device: Any, load: Mapping[str, Any]) -> Any:
    return torch.jit.load(str(path), map_location=device).eval()


def _export(torch: Any, path: Path, device: Any, load: Mapping[str, Any]) -> Any:
    program = torch.export.load(str(path) if device.type == "cuda" else _on_cpu(torch, path))
    # A program names its devices: without this, one that was exported on a CPU runs on the CPU.
    from torch.export.passes import move_to_device_pass

    return move_to_device_pass(program, str(device)).module()


def _on_cpu(torch: Any, path: Path) -> io.BytesIO:
    """An exported program's file with the CPU as its device: torch cannot load one from a GPU where there is none."""
    changed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".json"):
                data = json.dumps(json.loads(data, object_hook=_cpu_device)).encode()
            elif name.endswith(".pt") and "sample_inputs" in name:
                sample = io.BytesIO()
                torch.save(torch.load(io.BytesIO(data), map_location="cpu"), sample)
                data = sample.getvalue()
            new.writestr(name, data)
    changed.seek(0)
    return changed


def _cpu_device(found: dict[str, Any]) -> dict[str, Any]:
    return {"type": "cpu", "index": None} if found.keys() == {"type", "index"} else found


def _state_dict(torch: Any, path: Path, device: Any, load: Mapping[str, Any]) -> Any:
    state = torch.load(str(path), map_location=device, weights_only=True)
    for key in load.get("keys") or []:
        state = state[key]
    return _with_weights(state, device, load)


def _safetensors(torch: Any, path: Path, device: Any, load: Mapping[str, Any]) -> Any:
    from safetensors.torch import load_file

    return _with_weights(load_file(str(path), device=str(device)), device, load)


def _pickle(torch: Any, path: Path, device: Any, load: Mapping[str, Any]) -> Any:
    if not load.get("pickle"):
        text = "a pickle of a whole module runs code when loaded; the deploy file has to say model.allow_pickle"
        raise StartError("SW1230", text)
    if load.get("module"):
        _import(load["module"])
    return torch.load(str(path), map_location=device, weights_only=False).to(device).eval()


_LOADERS: dict[str, Callable[[Any, Path, Any, Mapping[str, Any]], Any]] = {
    "torchscript": _torchscript,
    "export": _export,
    "state_dict": _state_dict,
    "safetensors": _safetensors,
    "pickle": _pickle,
}


def _with_weights(state: Any, device: Any, load: Mapping[str, Any]) -> Any:
    if not load.get("module"):
        raise StartError("SW1230", "weights alone make no network; give the file that defines it as model.module")
    network = getattr(_import(load["module"]), load["factory"])()
    network.load_state_dict(_unwrapped(state, network.state_dict()))
    return network.to(device).eval()


def _unwrapped(state: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Weights saved from within ``DataParallel`` or ``torch.compile``, under the names of the network itself."""
    for prefix in ("module.", "_orig_mod."):
        if state and all(key.startswith(prefix) for key in state) and not any(key in own for key in state):
            return {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _import(name: str) -> Any:
    """Run the user's module from the bundle and return it, under its own name unless that is taken."""
    path = _BUNDLE / name
    public = path.stem if path.stem not in sys.modules else f"model_module_{path.stem}"
    spec = importlib.util.spec_from_file_location(public, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise StartError("SW1230", f"the bundle has no {name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[public] = module
    spec.loader.exec_module(module)
    return module


def _kind(path: Path) -> str:
    """The format of a registered model, whose file nobody could look at before."""
    if path.suffix == ".safetensors":
        return "safetensors"
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name.partition("/")[2] or name for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile) as error:
        raise StartError("SW1230", f"{path.name} is no file of torch's: {error}") from error
    if "constants.pkl" in members:
        return "torchscript"
    return "export" if "archive_format" in members else "state_dict"


@contextmanager
def _tensors_only(active: bool) -> Iterator[None]:
    """Make torch admit nothing but tensors wherever it unpickles, also where its own code would ask for more."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    if active:
        os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def _describe(torch: Any, device: Any) -> str:
    if device.type != "cuda":
        return str(device.type)
    return f"cuda:{device.index or 0} {torch.cuda.get_device_name(device)}"
