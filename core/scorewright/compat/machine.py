"""From the name of a VM size to the GPU and the driver behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .types import DEFAULT_SIZE, Machine, Reason

if TYPE_CHECKING:
    from scorewright.catalogue import Catalogue
    from scorewright.catalogue.models import VmSize

_NO_GPU = re.compile(r"(standard|basic)_(?!n)[a-z]+\d", re.IGNORECASE)
"""Azure's GPU series all begin with an N."""


@dataclass(frozen=True)
class Found:
    """What a VM size turned out to be.

    ``machine``: what the environment is chosen for; another size's where the one named cannot be used, and then
    ``against`` says why. ``doubt``: the size is not known, and ``machine`` is the nearest known one.
    """

    machine: Machine | None
    against: tuple[Reason, ...] = ()
    doubt: Reason | None = None


def find(name: str | None, catalogue: Catalogue) -> Found:
    """The machine behind a VM size; None where none is named."""
    if name is None:
        return Found(None)
    size = catalogue.vm_size(name)
    if size is not None:
        return _known(size, catalogue)
    if has_no_gpu(name):
        reason = Reason(f"VM size {name} belongs to a series without GPUs", ("rules/aks-usable",))
        return Found(_default(catalogue), (reason,))
    near = catalogue.nearest_vm_size(name)
    usable = near if near is not None and near.aks == "yes" else None
    machine = _machine(usable, catalogue) if usable else _default(catalogue)
    fact = f"vm_sizes/{near.size}" if near else "rules/aks-usable"
    nearest = f"; the nearest known one is {near.size}" if near else ""
    return Found(machine, doubt=Reason(f"VM size {name} is not in the catalogue{nearest}", (fact,)))


def has_no_gpu(name: str) -> bool:
    """Whether a name that the catalogue does not hold belongs to a series without GPUs."""
    return _NO_GPU.match(name) is not None


def successor(size: VmSize, catalogue: Catalogue) -> VmSize:
    """The size to take instead."""
    return catalogue.vm_sizes.get(size.replacement or "") or catalogue.vm_sizes[DEFAULT_SIZE]


def unusable(size: VmSize, catalogue: Catalogue) -> Reason | None:
    """Why a known size cannot carry a GPU service on AKS, or None."""
    fact = f"vm_sizes/{size.size}"
    gpu = catalogue.gpus[size.gpu]
    if size.gone:
        return Reason(
            f"VM size {size.size} ({gpu.name}) was retired on {size.retirement_date}", (fact, "rules/aks-usable")
        )
    if gpu.vendor != "nvidia":
        text = f"VM size {size.size} has a {gpu.name}: the frameworks' GPU builds are for NVIDIA"
        return Reason(text, (fact, f"gpus/{gpu.gpu}"))
    if size.aks != "yes":
        return Reason(f"AKS installs no GPU driver on VM size {size.size}", (fact, "rules/aks-usable"))
    return None


def _known(size: VmSize, catalogue: Catalogue) -> Found:
    reason = unusable(size, catalogue)
    if reason is None:
        return Found(_machine(size, catalogue))
    return Found(_machine(successor(size, catalogue), catalogue), (reason,))


def _default(catalogue: Catalogue) -> Machine:
    return _machine(catalogue.vm_sizes[DEFAULT_SIZE], catalogue)


def _machine(size: VmSize, catalogue: Catalogue) -> Machine:
    return Machine(size, catalogue.gpus[size.gpu], catalogue.drivers[size.driver or "none"])
