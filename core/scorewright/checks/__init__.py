"""Preflight checks: everything that can be known before anything is built or changed.

A check is a function from a `CheckContext` to findings, in a file of its own kind, listed in ``CHECKS``. What makes a
model unreadable, a framework unknown or a signature incomplete is found by `scorewright.resolve`, before these run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .access import certificates, consent, transport
from .batching import fixed_batches
from .capacity import capacity
from .cluster import vm_sizes
from .context import Check, CheckContext
from .files import expected_answers, labels
from .gpu import gpu_settings
from .handler import handlers
from .lock import closure, freshness
from .memory import memory
from .names import variables
from .packages import packages
from .quota import managed_quota, purpose, quota
from .sample import samples
from .timeouts import start, timeouts

if TYPE_CHECKING:
    from scorewright.findings import Finding
    from scorewright.plugins import PluginManager
    from scorewright.resolve import Resolved
    from scorewright.spec.models import Spec
    from scorewright.target import Target

__all__ = ["CHECKS", "Check", "CheckContext", "run"]

CHECKS: tuple[Check, ...] = (
    labels,
    handlers,
    samples,
    expected_answers,
    vm_sizes,
    gpu_settings,
    fixed_batches,
    capacity,
    memory,
    purpose,
    quota,
    managed_quota,
    packages,
    freshness,
    closure,
    variables,
    timeouts,
    start,
    certificates,
    transport,
    consent,
)
"""All checks, in the order in which they are done."""


def run(spec: Spec, resolved: Resolved, target: Target, plugins: PluginManager) -> tuple[Finding, ...]:
    """Do every check and return what they found."""
    context = CheckContext(spec, resolved, target, plugins)
    return tuple(finding for check in CHECKS for finding in check(context))
