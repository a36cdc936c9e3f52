"""Real models of every framework, made once, and the plugins that read them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
from tests.plugins.onnx.make import make_all as make_onnx
from tests.plugins.pytorch.make import make_all as make_pytorch
from tests.plugins.tensorflow.make import make_all as make_tensorflow

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def tensorflow_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See tests/plugins/tensorflow/make.py."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns that .h5 is its legacy format
        return make_tensorflow(tmp_path_factory.mktemp("tensorflow"))


@pytest.fixture(scope="session")
def pytorch_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See tests/plugins/pytorch/make.py."""
    return make_pytorch(tmp_path_factory.mktemp("pytorch"))


@pytest.fixture(scope="session")
def onnx_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See tests/plugins/onnx/make.py."""
    return make_onnx(tmp_path_factory.mktemp("onnx"))
