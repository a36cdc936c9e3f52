"""What the tests of the checks share: a check on a deploy file that is given as plain values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from scorewright.checks import CheckContext
from scorewright.framework import Detection, Framework, Inspection, Requirement, Resolution, Script
from scorewright.plugins import PluginManager
from scorewright.resolve import Resolved, ResolvedService
from scorewright.spec.models import Spec
from scorewright.testing import MemoryTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from scorewright.checks import Check
    from scorewright.findings import Finding
    from scorewright.target import Target


class Ask(Protocol):
    """Does one check. ``services``, ``cluster``: as in a deploy file; ``weights``: bytes of every model;
    ``requirements``: what every environment holds."""

    def __call__(
        self,
        check: Check,
        services: dict[str, Any] | None = None,
        cluster: dict[str, Any] | None = None,
        *,
        target: str = "azureml",
        weights: int | None = None,
        requirements: tuple[str, ...] = (),
    ) -> list[Finding]: ...


@pytest.fixture
def target_named() -> Callable[[str], Target]:
    """Targets without a cloud, by name."""
    record = MemoryTarget().record

    def named(name: str) -> Target:
        return replace(record, name=name, gpu_default="prefer" if name == "local" else "require")

    return named


@pytest.fixture
def ask(target_named: Callable[[str], Target]) -> Ask:
    """Does one check and returns what it found."""

    def asked(
        check: Check,
        services: dict[str, Any] | None = None,
        cluster: dict[str, Any] | None = None,
        *,
        target: str = "azureml",
        weights: int | None = None,
        requirements: tuple[str, ...] = (),
    ) -> list[Finding]:
        services = {"mnist": {}} if services is None else services
        content = {"scorewright": 1, "services": {name: {"model": {"name": "m"}, **s} for name, s in services.items()}}
        if cluster is not None:
            content["cluster"] = {"name": "aks-gpu", **cluster}
        spec = Spec.model_validate(content)
        resolved = {name: _resolved(spec, name, weights, requirements) for name in spec.services}
        context = CheckContext(spec, Resolved(resolved, ()), target_named(target), PluginManager())
        return list(check(context))

    return asked


def _resolved(spec: Spec, name: str, weights: int | None, requirements: tuple[str, ...]) -> ResolvedService:
    resolution = Resolution("1", "3.12", ("3.12",), tuple(Requirement(one, one) for one in requirements), "image:1")
    return ResolvedService(
        name=name,
        spec=spec.services[name],
        framework=Framework(
            "none",
            "serves nothing",
            detect=lambda request: None,
            inspect=lambda request: Inspection(None),
            resolve=lambda request: resolution,
            script=lambda request: Script("", ""),
        ),
        detection=Detection("none", "made up"),
        inspection=Inspection(None, weights_bytes=weights),
        resolution=resolution,
        model_hash="0" * 64,
        gpu=spec.services[name].gpu or "require",
    )
