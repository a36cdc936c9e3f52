"""The four hooks of scorewright. Only the core calls them; an implementation names just the arguments it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .events import Event
    from .findings import Finding
    from .framework import Framework
    from .spec.models import ServiceSpec, Spec
    from .target import Target

PROJECT = "scorewright"
"""The pluggy project name, and the entry-point group that plugins register in."""

API = 1
"""The version of the plugin API: `Framework.api` and `Target.api` may not be higher."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def scorewright_frameworks() -> Iterable[Framework]:
    """Called once when plugins load. Return the frameworks that this plugin brings."""
    return ()


@hookspec
def scorewright_targets() -> Iterable[Target]:
    """Called once when plugins load. Return the targets that this plugin brings."""
    return ()


@hookspec
def scorewright_check(spec: Spec, service: ServiceSpec) -> Iterable[Finding]:
    """Called for every service by ``check`` and before every ``plan``. Return findings: your own policy."""
    return ()


@hookspec
def scorewright_event(event: Event) -> None:
    """Called for every event of a run. What it raises is reported and fails nothing."""
