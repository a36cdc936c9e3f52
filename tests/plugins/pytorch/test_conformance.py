"""The plugin passes the suite that every framework passes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import scorewright_pytorch
from scorewright.signature import TensorSpec
from scorewright.testing import FrameworkConformance, ModelCase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scorewright.framework import Framework

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "mnist"
MODELS = EXAMPLE / "models"
X = (TensorSpec("x", "float32", (None, 784)),)
SCORES = (TensorSpec("scores", "float32", (None, 10)),)


class TestConformance(FrameworkConformance):
    @pytest.fixture
    def framework(self) -> Framework:
        (record,) = scorewright_pytorch.scorewright_frameworks()
        return record

    @pytest.fixture
    def models(self) -> Sequence[ModelCase]:
        return [
            ModelCase(MODELS / "mnist-torchscript.pt", "torchscript", X, SCORES),
            ModelCase(MODELS / "mnist.pt2", "export"),
            ModelCase(MODELS / "mnist-state-dict.pt", "state_dict", X, SCORES, {"module": str(EXAMPLE / "net.py")}),
        ]
