"""Whether ``deploy.lock`` is fresh, holds everything that the bundles import, and nothing that clashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright import lock as locks
from scorewright.bundle import build
from scorewright.compat import conflicts
from scorewright.errors import ScorewrightError
from scorewright.findings import Level
from scorewright.lock.imports import distributions, lacking, outside

from .cluster import book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding
    from scorewright.resolve import ResolvedService

    from .context import CheckContext


def freshness(context: CheckContext) -> Iterator[Finding]:
    """A lock file that cannot be read, that lacks services, or that was made for other packages."""
    path = context.spec.origin.root / locks.FILE
    try:
        lock = locks.read(path)
    except ScorewrightError as error:
        yield context.finding(error.code, f"{error.summary}: {error.cause}", hint="; ".join(error.steps))
        return
    if not lock.services:
        return
    for name, service in context.resolved.services.items():
        if service.locked is not None:
            continue
        at = ("services", name)
        if name in lock.services:
            message = f"{locks.FILE} was made for other packages of {name}, so its pins are not used"
            yield context.finding("SW1323", message, *at, hint="scorewright lock", level=Level.WARNING)
        else:
            message = f"{locks.FILE} does not hold {name}: its packages are not pinned"
            yield context.finding("SW1324", message, *at, hint="scorewright lock", level=Level.WARNING)


def closure(context: CheckContext) -> Iterator[Finding]:
    """Modules that score.py, the runtime or the handler import and no locked package brings; pairs that clash."""
    for name, service in context.resolved.services.items():
        if service.locked is None:
            continue
        yield from _missing(context, name, service)
        for rule in conflicts.find(service.locked.packages, book(context)):
            message = f"{locks.FILE}: {rule.text} ({' with '.join(rule.packages)}; source: {rule.source[0]})"
            level = Level.ERROR if rule.confidence == "high" else Level.WARNING
            yield context.finding("SW1310", message, "services", name, hint=rule.fix, level=level)


def _missing(context: CheckContext, name: str, service: ResolvedService) -> Iterator[Finding]:
    assert service.locked is not None
    try:
        files = build(service).files
    except ScorewrightError:
        return  # the deployer builds it too, and tells
    try:
        needed = outside(files)
    except SyntaxError:
        return  # the check of handlers tells
    for lack in lacking(needed, service.locked.packages):
        wanted = distributions(lack.module)[0]
        message = f"{lack.file}:{lack.line} of {name} imports {lack.module}, which no package in {locks.FILE} brings"
        at = ("services", name, "handler") if lack.file == "handler.py" else ("services", name, "packages", "pip")
        yield context.finding("SW1325", message, *at, hint=f"packages: {{pip: [{wanted}]}}, then: scorewright lock")
