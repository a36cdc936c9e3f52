"""The options of PyTorch services do what they say, and one that cannot be done stops the start."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.runtime.frameworks.support import config_for

from scorewright.signature import TensorSpec
from scorewright_pytorch import scorewright_frameworks
from scorewright_runtime import BadRequest, StartError
from scorewright_runtime.frameworks import pytorch
from scorewright_runtime.frameworks.common import refuse
from scorewright_runtime.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scorewright_runtime.frameworks.pytorch import TorchModel

(FRAMEWORK,) = scorewright_frameworks()
DECLARED: dict[str, Any] = {
    "inputs": (TensorSpec("x", "float32", (None, 3, 8, 8)),),
    "outputs": (TensorSpec("output", "float32", (None, 5)),),
}
IMAGES = np.random.default_rng(0).random((2, 3, 8, 8), np.float32)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """TorchScript is deprecated, which torch says at every use."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*")
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of convolutions, as a program and in TorchScript."""
    import torch
    from torch import nn

    folder = tmp_path_factory.mktemp("photos")
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 5)).eval()
    images = torch.from_numpy(IMAGES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim("rows", min=1)},))
        torch.export.save(program, folder / "photos.pt2")
        torch.jit.save(torch.jit.trace(network, images), folder / "photos.pt")  # type: ignore[no-untyped-call]
    return folder


def loaded(path: Path, declared: dict[str, Any] | None = DECLARED, **options: Any) -> TorchModel:  # noqa: ANN401
    """The model, loaded as a service with these options would."""
    declared = declared if path.suffix == ".pt" else None
    return pytorch.load(path, {**config_for(FRAMEWORK, path, **(declared or {})), "options": options})


def answer(model: TorchModel, images: np.ndarray = IMAGES) -> np.ndarray:
    """The only output for the only input."""
    (spec,) = model._signature.inputs
    (scores,) = model.predict({spec.name: images}).values()
    return scores


@pytest.mark.parametrize("name", ["photos.pt", "photos.pt2"])
def test_channels_last_changes_how_weights_and_images_lie_and_no_answer(photos: Path, name: str) -> None:
    import torch

    plain, arranged = loaded(photos / name), loaded(photos / name, channels_last=True)
    weights = [[one for one in model._tuned.module.parameters() if one.dim() == 4] for model in (plain, arranged)]
    assert [one.is_contiguous(memory_format=torch.channels_last) for (one,) in weights] == [False, True]
    tensors = [model._tensor(IMAGES, "float32") for model in (plain, arranged)]
    assert [one.is_contiguous(memory_format=torch.channels_last) for one in tensors] == [False, True]
    assert np.allclose(answer(plain), answer(arranged), atol=1e-6)


@pytest.mark.parametrize("name", ["photos.pt", "photos.pt2"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_autocast_computes_in_half_precision_and_answers_in_the_signatures(photos: Path, name: str, dtype: str) -> None:
    exact, half = answer(loaded(photos / name)), answer(loaded(photos / name, autocast=dtype))
    assert half.dtype == np.float32
    assert np.allclose(half, exact, atol=0.02)
    assert not np.array_equal(half, exact)


def test_all_options_go_together(photos: Path) -> None:
    model = loaded(photos / "photos.pt2", autocast="bfloat16", channels_last=True)
    assert np.allclose(answer(model), answer(loaded(photos / "photos.pt2")), atol=0.02)


def test_channels_last_is_refused_where_there_are_no_convolutions(pytorch_models: Path) -> None:
    with pytest.raises(StartError, match="SW1232: `channels_last` is for convolutions of images"):
        loaded(pytorch_models / "program.pt2", channels_last=True)


def test_torchscript_that_nobody_could_look_at_before_is_not_compiled(photos: Path) -> None:
    path = photos / "photos.pt"
    config = {**config_for(FRAMEWORK, path, **DECLARED), "format": "registered", "options": {"compile": True}}
    with pytest.raises(StartError, match=r"SW1232: torch .* cannot compile the model"):
        pytorch.load(path, config)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "RuntimeError when making fake tensor call\n  Explanation: Dynamo failed to run FX node with fake tensors: "
            "call_function <built-in method conv2d>(*(FakeTensor(..., size=(2, 2, 8, 8))), **{}): got "
            "RuntimeError('Given groups=1, expected 3 channels, but got 2')\n  Hint: run it uncompiled.",
            "Given groups=1, expected 3 channels, but got 2",
        ),
        (
            "kernel, /tmp/cache/xl/c.main.cpp:21, index out of bounds: 0 <= tmp2 < 5L",
            "index out of bounds: 0 <= tmp2 < 5L",
        ),
    ],
)
def test_what_compiled_code_says_of_bad_values_is_told_without_its_own_affairs(said: str, reason: str) -> None:
    with pytest.raises(BadRequest) as caught:
        refuse(RuntimeError(said))
    assert caught.value.message == f"the model cannot take these values: {reason}"


@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_a_compiled_network_answers_alike_and_compiles_before_requests_come(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from torch._dynamo.utils import counters
    from torch._inductor import config as inductor

    plain, compiled = loaded(photos / "photos.pt2"), loaded(photos / "photos.pt2", compile=True)
    counters.clear()
    warm_up(compiled, compiled._signature, [2, 3, 1])
    graphs = counters["stats"]["unique_graphs"]
    assert graphs > 0
    for rows in (1, 2, 3, 7):
        images = np.repeat(IMAGES, 4, axis=0)[:rows]
        assert np.allclose(answer(compiled, images), answer(plain, images), atol=1e-5)
    assert counters["stats"]["unique_graphs"] == graphs
    with pytest.raises(BadRequest, match="cannot take these values"):
        answer(compiled, IMAGES[:, :2])

    torch._dynamo.reset()
    monkeypatch.setattr(inductor.cpp, "cxx", ("no-such-compiler",))
    monkeypatch.setattr(inductor, "fx_graph_cache", False)
    broken = loaded(photos / "photos.pt2", compile=True, channels_last=True)
    with pytest.raises(StartError, match=r"SW1232: torch\.compile fails on this model"):
        warm_up(broken, broken._signature, [2, 3, 1])
