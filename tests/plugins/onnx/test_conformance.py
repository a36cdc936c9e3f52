"""The plugin passes the suite that every framework passes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import scorewright_onnx
from scorewright.testing import FrameworkConformance, ModelCase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scorewright.framework import Framework

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "mnist"
MODELS = EXAMPLE / "models"


class TestConformance(FrameworkConformance):
    @pytest.fixture
    def framework(self) -> Framework:
        (record,) = scorewright_onnx.scorewright_frameworks()
        return record

    @pytest.fixture
    def models(self) -> Sequence[ModelCase]:
        return [
            ModelCase(MODELS / "mnist.onnx", "onnx"),
        ]
