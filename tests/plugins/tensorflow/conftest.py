"""Real models, made once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
from tests.plugins.tensorflow.make import make_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all models; not to be changed, copy what must be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns that .h5 is its legacy format
        return make_all(tmp_path_factory.mktemp("tensorflow"))
