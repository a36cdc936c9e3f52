"""What every check gets, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from scorewright.findings import Finding, Level

if TYPE_CHECKING:
    from scorewright.plugins import PluginManager
    from scorewright.resolve import Resolved
    from scorewright.spec.models import Spec
    from scorewright.target import Target


@dataclass(frozen=True)
class CheckContext:
    """The spec, what could be found out of it, and where it goes. ``resolved`` lacks services that cannot be."""

    spec: Spec
    resolved: Resolved
    target: Target
    plugins: PluginManager

    def finding(
        self, code: str, message: str, *path: str, hint: str | None = None, level: Level = Level.ERROR
    ) -> Finding:
        """A finding about the key at ``path``, with its place in the deploy file."""
        return Finding(level, code, message, hint, ".".join(path) or None, self.spec.origin.locate(*path))


Check: TypeAlias = Callable[[CheckContext], Iterable[Finding]]
"""A check: reads, changes nothing, raises nothing for what users do wrong."""
