"""Configurations for loaders: what a bundle's ``CONFIG`` would say of a model file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.runtime.support import config_of

from scorewright.framework import DetectRequest, InspectRequest
from scorewright_runtime import Signature

if TYPE_CHECKING:
    from pathlib import Path

    from scorewright.framework import Framework


def config_for(framework: Framework, path: Path, **declared: Any) -> dict[str, Any]:  # noqa: ANN401
    """The ``CONFIG`` of a service with this model, as detected and inspected. ``declared``: see `InspectRequest`."""
    detection = framework.detect(DetectRequest(path))
    assert detection is not None
    inspection = framework.inspect(InspectRequest(path, detection.format, **declared))
    assert inspection.signature is not None, inspection.findings
    config = config_of(
        Signature((), (), batch=False),
        framework=framework.name,
        format=detection.format,
        load=dict(inspection.load),
        model={"name": "model", "file": path.name},
    )
    return {**config, "signature": inspection.signature.to_dict()}
