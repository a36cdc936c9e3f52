"""The framework for tests passes the suite for frameworks, and so the suite can be passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scorewright.signature import TensorSpec
from scorewright.testing import FrameworkConformance, ModelCase
from scorewright.testing.echo import ECHO, write_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scorewright.framework import Framework


class TestEcho(FrameworkConformance):
    @pytest.fixture
    def framework(self) -> Framework:
        return ECHO

    @pytest.fixture
    def models(self, tmp_path: Path) -> Sequence[ModelCase]:
        (tensor,) = (TensorSpec("x", "float32", (None, 3)),)
        return [
            ModelCase(write_model(tmp_path / "models" / "signed.echo"), "echo"),
            ModelCase(write_model(tmp_path / "models" / "bare.echo", signed=False), "echo", (tensor,), (tensor,)),
        ]
