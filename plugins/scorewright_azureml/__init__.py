"""GPU AKS through azureml-core: AksCompute, InferenceConfig and AksWebservice, converged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scorewright.target import Target


@hookimpl
def scorewright_targets() -> Iterable[Target]:
    """The target ``azureml``."""
    from .target import AZUREML

    return (AZUREML,)
