"""The values that go through the resolver."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scorewright.catalogue.models import Build, Driver, Gpu, Image, Release, VmSize

DEFAULT_SIZE = "Standard_NC4as_T4_v3"
"""The size that is proposed where a size cannot be used and names no successor; AKS recommends it as the smallest."""

DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
"""The base image where CUDA comes by pip, or not at all."""

SERVER = "azureml-inference-server-http"
"""The scoring server that every environment holds."""


@dataclass(frozen=True)
class Need:
    """What an environment is wanted for.

    ``framework``: a table of the catalogue (``tensorflow``, ``pytorch``, ``onnxruntime``, a plugin's own). ``version``:
    what was asked for, None for the best. ``written_by``: the version that wrote the model. ``python``: a minor.
    ``vm_size``: None where the machine is not known; then nothing is said of GPU and driver. ``keras``: 2 where the
    model is a Keras 2 file. ``opset``, ``ir``: what an ONNX file needs.
    """

    framework: str
    gpu: bool = True
    version: str | None = None
    written_by: str | None = None
    python: str | None = None
    vm_size: str | None = None
    keras: int | None = None
    opset: int | None = None
    ir: int | None = None


@dataclass(frozen=True)
class Reason:
    """One step of an explanation. ``facts``: the rows it rests on, as ``table/key``."""

    text: str
    facts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.text} [{', '.join(self.facts)}]" if self.facts else self.text


@dataclass(frozen=True)
class Machine:
    """A VM size with its GPU and its driver."""

    size: VmSize
    gpu: Gpu
    driver: Driver

    @property
    def facts(self) -> tuple[str, ...]:
        """The rows that make it up."""
        return (f"vm_sizes/{self.size.size}", f"gpus/{self.gpu.gpu}", f"drivers/{self.driver.kind}")


class Fit(StrEnum):
    """How a build's GPU code suits a GPU."""

    NATIVE = "native"
    JIT = "jit"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True)
class Verdict:
    """What one build of one release comes to.

    ``build``: None for the CPU form. ``pythons``: that all of it runs on, oldest first. ``against``: why it cannot be
    taken; empty means that it can. ``caution``: what speaks against it without ruling it out.
    """

    release: Release
    patch: str
    build: Build | None
    pythons: tuple[str, ...]
    fit: Fit
    image: Image | None
    against: tuple[Reason, ...]
    name: str
    caution: Reason | None = None

    @property
    def ok(self) -> bool:
        """It can be taken."""
        return not self.against
