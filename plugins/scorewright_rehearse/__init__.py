"""Rehearses on one machine: an emulated Azure control plane that the real azureml-core SDK talks to.

    with Emulator(workspace="ml-workspace") as azure:
        subprocess.run(["scorewright", "up", "-t", "azureml", "--yes"], env=azure.child_environment(), check=True)

Needs the extra ``rehearse``. Nothing here leaves 127.0.0.1, and neither does the process that is led here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .emulator import Emulator

__all__ = ["Emulator"]


def __getattr__(name: str) -> object:
    """Load the emulator when it is first asked for. Raises `PluginError` (SW2301) if the extra is not installed."""
    if name != "Emulator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .emulator import Emulator
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"aiohttp", "cryptography"}:
            raise
        from scorewright.errors import PluginError

        raise PluginError(
            "SW2301",
            "rehearsals are not installed",
            cause=f"the package {error.name} is missing",
            steps=["pip install 'scorewright[rehearse]'"],
        ) from error
    return Emulator
