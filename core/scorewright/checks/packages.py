"""Packages of an environment that are known not to work together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.bundle_environment import requirements
from scorewright.compat import conflicts
from scorewright.findings import Level

from .cluster import book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding

    from .context import CheckContext


def packages(context: CheckContext) -> Iterator[Finding]:
    """Known-bad pairs among what a service asks for. A rule that is not certain warns."""
    for name, service in context.resolved.services.items():
        lines = [line for one in requirements(service) for line in (one.gpu, *one.with_gpu)]
        for rule in conflicts.find(lines, book(context)):
            message = f"{rule.text} ({' with '.join(rule.packages)}; source: {rule.source[0]})"
            level = Level.ERROR if rule.confidence == "high" else Level.WARNING
            at = ("services", name, "packages", "pip")
            yield context.finding("SW1310", message, *at, hint=rule.fix, level=level)
