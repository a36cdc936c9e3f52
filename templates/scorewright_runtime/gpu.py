"""``gpu: require | prefer | off``, decided on the loaded model, with a reason that names what is missing.

Frameworks fall back to the CPU without a word when one CUDA library is absent, so the proof is the device that the
loaded model is on, and the reason is found by trying to load every library that the framework needs.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import GpuUnavailable, StartError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POLICIES = ("require", "prefer", "off")
_TRUE = ("1", "true", "yes", "on")


class Library(NamedTuple):
    """A shared library and the pip package that supplies it."""

    soname: str
    package: str


_LIBRARIES: dict[int, tuple[Library, ...]] = {
    11: (
        Library("libcudart.so.11.0", "nvidia-cuda-runtime-cu11"),
        Library("libcublas.so.11", "nvidia-cublas-cu11"),
        Library("libcublasLt.so.11", "nvidia-cublas-cu11"),
        Library("libcufft.so.10", "nvidia-cufft-cu11"),
        Library("libcurand.so.10", "nvidia-curand-cu11"),
        Library("libcusolver.so.11", "nvidia-cusolver-cu11"),
        Library("libcusparse.so.11", "nvidia-cusparse-cu11"),
        Library("libcudnn.so.8", "nvidia-cudnn-cu11"),
    ),
    12: (
        Library("libcudart.so.12", "nvidia-cuda-runtime-cu12"),
        Library("libcublas.so.12", "nvidia-cublas-cu12"),
        Library("libcublasLt.so.12", "nvidia-cublas-cu12"),
        Library("libcufft.so.11", "nvidia-cufft-cu12"),
        Library("libcurand.so.10", "nvidia-curand-cu12"),
        Library("libcusolver.so.11", "nvidia-cusolver-cu12"),
        Library("libcusparse.so.12", "nvidia-cusparse-cu12"),
        Library("libcudnn.so.9", "nvidia-cudnn-cu12"),
    ),
    13: (
        Library("libcudart.so.13", "nvidia-cuda-runtime"),
        Library("libcublas.so.13", "nvidia-cublas"),
        Library("libcublasLt.so.13", "nvidia-cublas"),
        Library("libcufft.so.12", "nvidia-cufft"),
        Library("libcurand.so.10", "nvidia-curand"),
        Library("libcusolver.so.12", "nvidia-cusolver"),
        Library("libcusparse.so.12", "nvidia-cusparse"),
        Library("libcudnn.so.9", "nvidia-cudnn-cu13"),
    ),
}
_UNUSED = {"onnxruntime": ("cusolver", "cusparse")}
"""Libraries that a framework does not link."""


def rehearsing() -> bool:
    """Whether the service runs in a rehearsal, on a machine that is not the target's."""
    return os.environ.get("SCOREWRIGHT_REHEARSAL", "").lower() in _TRUE


def policy(config: Mapping[str, Any]) -> str:
    """The policy in force: the deploy file's, or the target's default where the file says none.

    Raises `StartError` (SW1506) where the target's default is none of the three.
    """
    if rehearsing():
        return "off"
    default = os.environ.get("SCOREWRIGHT_GPU_DEFAULT", "")
    if config.get("gpu_explicit") or not default:
        return str(config.get("gpu") or "prefer")
    if default not in POLICIES:
        raise StartError("SW1506", f"the variable SCOREWRIGHT_GPU_DEFAULT must be one of {', '.join(POLICIES)}")
    return default


def hide_devices() -> None:
    """Keep a framework that is loaded from now on off the GPU."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def on_gpu(device: str) -> bool:
    """Whether ``Model.device`` names a GPU."""
    return not device.lower().startswith("cpu")


def enforce(policy: str, device: str, framework: str) -> None:
    """Raise `GpuUnavailable` (SW1501) where a GPU is required and the model is not on one."""
    if policy == "require" and not on_gpu(device):
        reasons = diagnose(framework)
        raise GpuUnavailable(
            "SW1501",
            f"`gpu: require`, but the loaded model runs on {device}.\n"
            + "\n".join(f"  - {reason}" for reason in reasons)
            + "\nSay `gpu: prefer` to serve from the CPU where there is no GPU.",
        )


def diagnose(framework: str) -> list[str]:
    """Why the framework may not use a GPU, most basic reason first: device hidden, driver, framework, libraries."""
    reasons = _hidden() + _driver()
    major = cuda_major(framework)
    if major is None:
        reasons.append(f"the installed {framework} package is built without CUDA; install its GPU package")
    else:
        reasons += _missing(framework, major)
    if reasons:
        return reasons
    return [
        "driver and CUDA libraries are all there; the framework may lack code for this GPU, or the model may name the "
        "CPU as its device"
    ]


def missing_libraries(libraries: Sequence[Library]) -> list[Library]:
    """Those that cannot be loaded, neither from the system's paths nor from the pip packages that carry them."""
    return [library for library in libraries if not _loads(library.soname)]


def cuda_major(framework: str) -> int | None:
    """The major version of CUDA that the installed framework is built for; None where it is a CPU build."""
    version: object = None
    if framework == "pytorch":
        version = getattr(getattr(sys.modules.get("torch"), "version", None), "cuda", None)
    elif framework == "tensorflow" and "tensorflow" in sys.modules:
        version = sys.modules["tensorflow"].sysconfig.get_build_info().get("cuda_version")
    elif framework == "onnx" and "onnxruntime" in sys.modules:
        runtime = sys.modules["onnxruntime"]
        if "CUDAExecutionProvider" in runtime.get_available_providers():
            version = getattr(runtime, "cuda_version", "") or "12"
    digits = str(version or "").split(".")[0]
    return int(digits) if digits.isdigit() else None


def _hidden() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1", "none", "void"):
        return [f"CUDA_VISIBLE_DEVICES={visible!r} hides every GPU; unset it"]
    return []


def _driver() -> list[str]:
    """What the NVIDIA driver lacks."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        hint = "in a container, run it on a GPU node with the NVIDIA runtime"
        return [f"libcuda.so.1 is missing: there is no NVIDIA driver here ({hint})"]
    status = int(cuda.cuInit(0))
    if status:
        return [f"the NVIDIA driver cannot start: cuInit returns {status}{_CUDA_ERRORS.get(status, '')}"]
    count = ctypes.c_int()
    cuda.cuDeviceGetCount(ctypes.byref(count))
    return [] if count.value else ["the NVIDIA driver sees no GPU; the container may not have been given one"]


_CUDA_ERRORS = {
    100: " (no device: the container was given no GPU, or CUDA_VISIBLE_DEVICES hides it)",
    803: " (the driver's library and its kernel module have different versions)",
    804: " (this driver cannot run this CUDA compatibility library on this GPU)",
    999: " (unknown; often a GPU that needs a reset)",
}


def _missing(framework: str, major: int) -> list[str]:
    known = _LIBRARIES.get(major)
    if known is None:
        return []
    unused = _UNUSED.get("onnxruntime" if framework == "onnx" else framework, ())
    needed = [library for library in known if not any(name in library.soname for name in unused)]
    return [
        f"{library.soname} is missing; pip package {library.package} supplies it (CUDA {major})"
        for library in missing_libraries(needed)
    ]


def _loads(soname: str) -> bool:
    for candidate in [soname, *_carried(soname)]:
        try:
            ctypes.CDLL(candidate)
        except OSError:
            continue
        return True
    return False


def _carried(soname: str) -> list[str]:
    """Where NVIDIA's pip packages have the library."""
    folders = [Path(folder) / "nvidia" for folder in sys.path if folder]
    return [str(path) for folder in folders if folder.is_dir() for path in sorted(folder.glob(f"*/lib/{soname}"))]
