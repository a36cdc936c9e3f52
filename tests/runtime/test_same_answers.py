"""A thousand requests, 64 at a time: with batching every framework answers as it does one by one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.runtime.frameworks.support import config_for
from tests.runtime.support import submit

from scorewright_runtime import Model, Signature
from scorewright_runtime.batch import Caller, Outcome
from scorewright_runtime.batcher import Batcher
from scorewright_runtime.metrics import Metrics

if TYPE_CHECKING:
    from scorewright.framework import Framework

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "mnist"
TOLERANCE = 1e-4
"""A matrix product adds up in another order for another number of rows; scores are of the order of 10."""


def onnx() -> tuple[Framework, Any, str]:
    """Plugin, loader and model of ONNX."""
    from scorewright_onnx import scorewright_frameworks
    from scorewright_runtime.frameworks import onnx as loader

    (plugin,) = scorewright_frameworks()
    return plugin, loader, "mnist.onnx"


def pytorch() -> tuple[Framework, Any, str]:
    """Plugin, loader and model of PyTorch."""
    from scorewright_pytorch import scorewright_frameworks
    from scorewright_runtime.frameworks import pytorch as loader

    (plugin,) = scorewright_frameworks()
    return plugin, loader, "mnist.pt2"


def tensorflow() -> tuple[Framework, Any, str]:
    """Plugin, loader and model of TensorFlow."""
    from scorewright_runtime.frameworks import tensorflow as loader
    from scorewright_tensorflow import scorewright_frameworks

    (plugin,) = scorewright_frameworks()
    return plugin, loader, "savedmodel"


def digits() -> np.ndarray:
    """A thousand different digits, read-only as parsed bodies are."""
    held_out = np.load(EXAMPLE / "held-out.npz")
    images = held_out[held_out.files[0]].reshape(-1, 784).astype(np.float32) / 255
    rows: np.ndarray = images[np.arange(1000) % len(images)] + np.arange(1000, dtype=np.float32)[:, None] / 10_000
    rows.flags.writeable = False
    return rows


async def ask(model: Model, signature: Signature, rows: np.ndarray, most: int) -> list[Outcome]:
    """The outcome of each row as a request of its own, 64 at a time."""
    name = signature.inputs[0].name
    metrics = Metrics()
    caller = Caller(model, signature, True, metrics)
    batcher = Batcher(caller, metrics, most, 0.002, 60.0)
    outcomes: dict[int, Outcome] = {}
    waiting = iter(range(len(rows)))

    async def client() -> None:
        for index in waiting:
            outcomes[index] = await submit(batcher, {name: rows[index : index + 1]}, lambda: False)

    await asyncio.gather(*[client() for _ in range(64)])
    return [outcomes[index] for index in range(len(rows))]


@pytest.mark.parametrize("framework", [onnx, pytorch, tensorflow], ids=lambda made: made.__name__)
def test_batched_answers_are_the_answers_one_by_one(framework: Any) -> None:  # noqa: ANN401 - one of the above
    plugin, loader, file = framework()
    config = config_for(plugin, EXAMPLE / "models" / file)
    model = loader.load(EXAMPLE / "models" / file, config)
    signature, rows = Signature.from_dict(config["signature"]), digits()
    assert signature.batch
    alone, together = (asyncio.run(ask(model, signature, rows, most)) for most in (1, 32))
    assert {outcome.batch for outcome in alone} == {1}
    assert max(outcome.batch for outcome in together) > 8
    for one, other in zip(alone, together, strict=True):
        for name, array in one.outputs.items():
            np.testing.assert_allclose(other.outputs[name], array, rtol=TOLERANCE, atol=TOLERANCE)
            assert array.argmax() == other.outputs[name].argmax()
