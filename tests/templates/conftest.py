"""The frameworks that ship, and requests to render their scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import scorewright_onnx
import scorewright_pytorch
import scorewright_tensorflow

if TYPE_CHECKING:
    from scorewright.framework import Framework

FRAMEWORKS: dict[str, Framework] = {
    framework.name: framework
    for plugin in (scorewright_tensorflow, scorewright_pytorch, scorewright_onnx)
    for framework in plugin.scorewright_frameworks()
}


@pytest.fixture(params=list(FRAMEWORKS))
def framework(request: pytest.FixtureRequest) -> Framework:
    """Each framework in turn."""
    return FRAMEWORKS[request.param]


@pytest.fixture
def plain_config() -> dict[str, Any]:
    """A configuration of harmless values."""
    return {"service": "digits", "load": {}, "outputs": None, "cpus": 2.0}
