"""The deploy file: its models, and the loader that turns YAML into them with every fault at its place.

    spec = load("deploy.yaml", overrides={"services.mnist.replicas": 5})

Names load when first used: `scorewright.spec.origin` alone does not import pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .loader import load
    from .models import Spec

__all__ = ["Spec", "load"]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name == "load":
        from .loader import load

        return load
    if name == "Spec":
        from .models import Spec

        return Spec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
