"""Real models, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.plugins.onnx.make import make_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all models; not to be changed, copy what must be."""
    return make_all(tmp_path_factory.mktemp("onnx"))
