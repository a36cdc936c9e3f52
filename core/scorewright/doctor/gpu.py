"""The GPU driver and the CUDA version it allows, asked of the driver's own library."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from typing import TYPE_CHECKING

from .diagnosis import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Iterator

CUDA_SUCCESS = 0


def driver() -> Iterator[Diagnosis]:
    """The GPUs and their driver."""
    cuda = allowed_cuda()
    if cuda is None:
        fix = "install NVIDIA's driver; without it services run on the CPU (gpu: prefer or off)"
        yield Diagnosis("gpu", "info", "no NVIDIA driver", fix)
        return
    if (listed := devices()) is None:
        yield Diagnosis(
            "gpu", "warning", f"driver for CUDA {cuda}, but nvidia-smi fails", "restart, or reinstall the driver"
        )
        return
    for line in listed:
        yield Diagnosis("gpu", "ok", f"{line}; allows CUDA up to {cuda}")
    if not listed:
        yield Diagnosis("gpu", "warning", f"driver for CUDA {cuda}, but no GPU", "give this machine or container a GPU")


def allowed_cuda(library: str = "libcuda.so.1") -> str | None:
    """The newest CUDA version that the installed driver takes, such as ``12.4``; None without a driver.

    The driver's number is 1000 * major + 10 * minor
    (https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__VERSION.html).
    """
    try:
        loaded = ctypes.CDLL(library)
    except OSError:
        return None
    number = ctypes.c_int(0)
    if loaded.cuDriverGetVersion(ctypes.byref(number)) != CUDA_SUCCESS:
        return None
    return f"{number.value // 1000}.{number.value % 1000 // 10}"


def devices(tool: str = "nvidia-smi") -> list[str] | None:
    """One line per GPU: name, driver, memory. None where nvidia-smi is missing or fails."""
    if shutil.which(tool) is None:
        return None
    query = [tool, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode != 0:
        return None
    fields = [line.split(", ") for line in answer.stdout.splitlines() if line.count(", ") == 2]
    return [f"{name}, driver {version}, {memory}" for name, version, memory in fields]
