"""``scorewright doctor``: small probes of this machine, each with its fix.

A probe is a function without side effects that returns `Diagnosis` records. A new one is written in a module here and
named in `diagnose`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import credentials, facts, gpu, machine, packages
from .diagnosis import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scorewright.plugins import PluginManager

    Probe = Callable[[], Iterable[Diagnosis]]

__all__ = ["Diagnosis", "diagnose"]


def diagnose(plugins: PluginManager, *, online: bool = False) -> tuple[Diagnosis, ...]:
    """Run every probe. ``online``: also those that need the network."""
    probes: list[Probe] = [
        machine.python,
        machine.installer,
        machine.state_folder,
        machine.disk,
        gpu.driver,
        facts.runs_here,
        facts.catalogue_age,
        credentials.azure,
        packages.frameworks,
        packages.sdks,
    ]
    if online:
        probes += [packages.index, facts.registry]
    found = [diagnosis for probe in probes for diagnosis in probe()]
    return (*found, *_plugins(plugins))


def _plugins(plugins: PluginManager) -> Iterable[Diagnosis]:
    for problem in plugins.problems:
        yield Diagnosis("plugins", "error", str(problem), fix=f"see: scorewright explain {problem.code}")
    if not plugins.problems:
        yield Diagnosis("plugins", "ok", ", ".join(plugin.name for plugin in plugins.plugins) or "none")
