"""Brings the lock file up to date with a deploy file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorewright.bundle_environment import requirements
from scorewright.errors import CheckError
from scorewright.events import Event
from scorewright.findings import Level
from scorewright.resolve import resolve

from .compiler import compile_environment
from .inputs import inputs_of
from .lockfile import FILE, Lock, Locked, read, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scorewright.events import Emit
    from scorewright.findings import Json
    from scorewright.plugins import PluginManager
    from scorewright.spec.models import Spec

    from .inputs import Inputs


@dataclass(frozen=True)
class Update:
    """What was done. ``existed``: whether there was a lock before. ``stale``: services that had to be, or would have to
    be, resolved."""

    path: Path
    lock: Lock
    stale: tuple[str, ...]
    changed: bool
    existed: bool

    def rows(self) -> Iterator[tuple[str, int, str]]:
        """Service, number of packages, Python."""
        for name, found in self.lock.services.items():
            yield name, len(found.packages), found.python

    def to_dict(self) -> dict[str, Json]:
        """The outcome as plain data."""
        services: dict[str, Json] = {
            name: {"python": found.python, "platform": found.platform, "packages": [*found.packages]}
            for name, found in self.lock.services.items()
        }
        return {
            "path": str(self.path),
            "changed": self.changed,
            "existed": self.existed,
            "stale": [*self.stale],
            "services": services,
        }


def update(spec: Spec, plugins: PluginManager, emit: Emit, *, upgrade: bool = False, dry: bool = False) -> Update:
    """Resolve what is stale and write the file. ``upgrade``: resolve all, without regard to the pins that are there.
    ``dry``: only say what is stale.

    Services that the deploy file does not name any more leave the lock, unless the spec was narrowed to some services.
    Raises `CheckError` (SW1326) if services cannot be resolved, and `ScorewrightError` as `compile_environment` does.
    """
    path = spec.origin.root / FILE
    existed = path.exists()
    wanted, found = _wanted(spec, plugins), read(path)
    kept = {name: one for name, one in found.services.items() if name in spec.services or spec.narrowed}
    stale = [name for name, inputs in wanted.items() if upgrade or not _fresh(kept.get(name), inputs)]
    if dry:
        return Update(path, found, tuple(stale), changed=False, existed=existed)
    done: dict[str, Locked] = {}
    for name in stale:
        inputs = wanted[name]
        if inputs.hash not in done:
            emit(Event("step.started", f"resolving the environment of {name}", subject=f"lock/{name}"))
            old = kept.get(name)
            keep = old.packages if old is not None and not upgrade else ()
            done[inputs.hash] = compile_environment(inputs, keep, spec.origin.root)
            emit(Event("step.finished", f"{name}: {len(done[inputs.hash].packages)} packages", subject=f"lock/{name}"))
        kept[name] = done[inputs.hash]
    lock = Lock(dict(sorted(kept.items())))
    return Update(path, lock, tuple(stale), changed=write(path, lock), existed=existed)


def _wanted(spec: Spec, plugins: PluginManager) -> dict[str, Inputs]:
    resolved = resolve(spec, plugins)
    errors = [finding for finding in resolved.findings if finding.level is Level.ERROR]
    if errors:
        steps = ["repair what the findings name, then: scorewright lock"]
        raise CheckError("SW1326", "not every service can be resolved", errors, steps=steps)
    return {
        name: inputs_of(service.resolution, requirements(service), resolved.catalogue)
        for name, service in resolved.services.items()
    }


def _fresh(locked: Locked | None, inputs: Inputs) -> bool:
    return locked is not None and locked.inputs == inputs.hash
