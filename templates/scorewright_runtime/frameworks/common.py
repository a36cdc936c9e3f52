"""What the loaders of all frameworks share."""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from scorewright_runtime.errors import BadRequest, StartError
from scorewright_runtime.types import Signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scorewright_runtime.types import Arrays, TensorSpec

_DEVICE_FAULT = re.compile(r"cuda|cublas|cudnn|cufft|nccl|out of memory|alloc|device-side", re.IGNORECASE)
# Where an operation stands in the model's code, which TensorFlow and TorchScript tell before or around the reason.
_PLACE = re.compile(
    r"Graph execution error|Detected at node|<stack traces|\[\[|File |Traceback|The following operation"
)
# What torch.compile says before the reason: of a failed trial with made-up tensors; in code that it has compiled.
_TRIAL = re.compile(r"with fake tensors: .*got \w+\((['\"])(?P<reason>.*)\1\)")
_KERNEL = re.compile(r"^kernel, \S+?:\d+, ")


def signature_of(config: Mapping[str, Any]) -> Signature:
    """The signature in ``CONFIG``, its outputs narrowed to those that the service returns."""
    signature = Signature.from_dict(config["signature"])
    wanted = config.get("outputs")
    outputs = tuple(spec for spec in signature.outputs if wanted is None or spec.name in wanted)
    return signature._replace(outputs=outputs or signature.outputs)


def threads(config: Mapping[str, Any]) -> int:
    """How many threads a model may compute with: the cores that the service has, at least one."""
    return max(1, int(config["cpus"]))


def option(config: Mapping[str, Any], name: str) -> Any:
    """What the deploy file sets an option of the framework to; False where it does not."""
    return (config.get("options") or {}).get(name, False)


def named(found: Mapping[str, Any], outputs: Sequence[TensorSpec]) -> dict[str, Any]:
    """What a model returned, under the names that callers use.

    By the names inside the model; where none of them is there, in order. Raises `StartError` (SW1230) if neither fits.
    """
    if all(spec.tensor in found for spec in outputs):
        return {spec.name: found[spec.tensor] for spec in outputs}
    if len(found) == len(outputs) and not any(spec.tensor in found for spec in outputs):
        return {spec.name: value for spec, value in zip(outputs, found.values())}
    wanted = ", ".join(spec.tensor for spec in outputs)
    raise StartError("SW1230", f"the model returns {', '.join(found) or 'nothing'}; the deploy file names {wanted}")


def flat(result: Any) -> dict[str, Any]:
    """What a call returned, by name: a dict's keys, ``output`` for one value, ``output_0`` and on for several."""
    if isinstance(result, dict):
        return {str(key): value for key, value in result.items()}
    if isinstance(result, (list, tuple)):
        fields = getattr(result, "_fields", None) or [f"output_{number}" for number in range(len(result))]
        return dict(zip(fields, result))
    return {"output": result}


def texts(array: np.ndarray) -> np.ndarray:
    """Strings as `str`; those that are no UTF-8 stay `bytes`."""
    return np.array(_decode(array), dtype=object).reshape(array.shape)


def only(folder: Path, pattern: str) -> Path:
    """The only file of a folder that has such a name. Raises `StartError` (SW1230) if there is none, or several."""
    files = sorted(folder.glob(pattern))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise StartError("SW1230", f"{folder} must hold exactly one {pattern} file; it holds {found}")
    return files[0]


def refuse(error: Exception) -> NoReturn:
    """Raise `BadRequest` (SW1231) for a framework's complaint about values; what its device does is raised as it is."""
    message = str(error)
    if _DEVICE_FAULT.search(message):
        raise error
    raise BadRequest("SW1231", f"the model cannot take these values: {_reason(message)[:300]}") from error


def cuda_name(index: int = 0) -> str:
    """The name of a GPU, from the driver; empty if there is none."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return ""
    device, name = ctypes.c_int(), ctypes.create_string_buffer(256)
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), index) or cuda.cuDeviceGetName(name, 256, device):
        return ""
    return name.value.decode("utf-8", "replace")


def check_inputs(signature: Signature, known: Sequence[str]) -> None:
    """Raise `StartError` (SW1230) where the signature names an input that the loaded model does not have."""
    unknown = [spec.tensor for spec in signature.inputs if spec.tensor not in known]
    if unknown:
        raise StartError("SW1230", f"the model has no input {', '.join(unknown)}; it has {', '.join(known)}")


def by_tensor(signature: Signature, inputs: Arrays) -> Arrays:
    """The inputs under the names that they have inside the model."""
    return {spec.tensor: inputs[spec.name] for spec in signature.inputs}


def _reason(message: str) -> str:
    """The line of a message that says what is wrong: TorchScript's last, else the first that is no place."""
    trial = _TRIAL.search(message)
    if trial:
        return trial["reason"]
    lines = [line.strip() for line in _KERNEL.sub("", message).splitlines() if line.strip()] or ["it gives no reason"]
    if "Traceback of TorchScript" in message:
        return lines[-1]
    return next((line for line in lines if not _PLACE.match(line)), lines[0])


def _decode(array: np.ndarray) -> list[Any]:
    decoded: list[Any] = []
    for value in array.ravel().tolist():
        try:
            decoded.append(value.decode("utf-8") if isinstance(value, bytes) else value)
        except UnicodeDecodeError:
            decoded.append(value)
    return decoded
