"""The onnxruntime loader answers as onnxruntime itself does."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.runtime.frameworks.support import config_for

from scorewright_onnx import scorewright_frameworks
from scorewright_runtime import BadRequest, StartError
from scorewright_runtime.frameworks import onnx

if TYPE_CHECKING:
    from pathlib import Path

    from scorewright_runtime.frameworks.onnx import OnnxModel

(FRAMEWORK,) = scorewright_frameworks()
ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)


def loaded(path: Path, **changes: Any) -> OnnxModel:  # noqa: ANN401
    """The model, loaded as a service would."""
    return onnx.load(path, {**config_for(FRAMEWORK, path), **changes})


@pytest.mark.parametrize("name", ["dense.onnx", "external"])
def test_predictions_are_onnxruntimes_own(onnx_models: Path, name: str) -> None:
    import onnxruntime

    model = loaded(onnx_models / name)
    session = onnxruntime.InferenceSession(str(onnx_models / "dense.onnx"), providers=["CPUExecutionProvider"])
    scores, best = session.run(None, {"x": ROWS})
    outputs = model.predict({"x": ROWS})
    assert list(outputs) == ["scores", "best"]
    assert np.array_equal(outputs["scores"], scores)
    assert np.array_equal(outputs["best"], best)


def test_the_device_is_the_provider_in_use(onnx_models: Path) -> None:
    assert loaded(onnx_models / "dense.onnx").device == "cpu"


def test_every_dtype_goes_in_and_comes_out(onnx_models: Path) -> None:
    outputs = loaded(onnx_models / "kinds.onnx").predict(
        {
            "text": np.array(["ä", "b"], dtype=object),
            "flag": np.array([True, False]),
            "half": np.array([0.5, 1.5], np.float16),
            "number": np.array([2**40, -1]),
            "byte": np.array([1, 255], np.uint8),
        }
    )
    assert outputs["text_out"].tolist() == ["ä", "b"]
    assert outputs["flag_out"].tolist() == [False, True]
    assert outputs["half_out"].dtype == np.float16
    assert outputs["number_out"].tolist() == [2**41, -2]
    assert outputs["byte_out"].tolist() == [1, 255]


def test_only_the_wanted_outputs_are_computed(onnx_models: Path) -> None:
    assert list(loaded(onnx_models / "dense.onnx", outputs=["best"]).predict({"x": ROWS})) == ["best"]


def test_a_registered_model_needs_no_details(onnx_models: Path) -> None:
    for name in ("dense.onnx", "external"):
        model = loaded(onnx_models / name, format="registered", load={})
        assert model.predict({"x": ROWS})["best"].shape == (2,)


def test_values_that_the_graph_cannot_take_are_the_callers_fault(onnx_models: Path) -> None:
    model = loaded(onnx_models / "add.onnx")
    with pytest.raises(BadRequest) as caught:
        model.predict({"a": np.zeros(2, np.float32), "b": np.zeros(3, np.float32)})
    assert caught.value.code == "SW1231"


def test_many_threads_get_their_own_answers(onnx_models: Path) -> None:
    model = loaded(onnx_models / "dense.onnx")

    def ask(number: int) -> bool:
        rows = np.full((number % 7 + 1, 4), number, np.float32)
        scores = model.predict({"x": rows})["scores"]
        return bool(np.array_equal(scores, rows @ np.arange(12, dtype=np.float32).reshape(4, 3)))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(40)))


def test_a_broken_file_is_a_start_error(onnx_models: Path, tmp_path: Path) -> None:
    config = config_for(FRAMEWORK, onnx_models / "dense.onnx")
    (tmp_path / "model.onnx").write_bytes((onnx_models / "dense.onnx").read_bytes()[:60])
    with pytest.raises(StartError, match=r"SW1230: onnxruntime .* cannot load model\.onnx"):
        onnx.load(tmp_path / "model.onnx", config)


def test_another_model_than_was_checked_is_a_start_error(onnx_models: Path, tmp_path: Path) -> None:
    config = config_for(FRAMEWORK, onnx_models / "dense.onnx")
    with pytest.raises(StartError, match="has no input x; it has a, b"):
        onnx.load(onnx_models / "add.onnx", config)
    with pytest.raises(StartError, match="has no output scores, best; it has y"):
        onnx.load(onnx_models / "rank.onnx", config)


def test_a_folder_with_several_models_is_a_start_error(onnx_models: Path, tmp_path: Path) -> None:
    config = config_for(FRAMEWORK, onnx_models / "dense.onnx")
    for name in ("a.onnx", "b.onnx"):
        shutil.copy(onnx_models / "dense.onnx", tmp_path / name)
    with pytest.raises(StartError, match=r"it holds a\.onnx, b\.onnx"):
        onnx.load(tmp_path, {**config, "load": {}})


def test_bound_arrays_give_the_same_answers(onnx_models: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(onnx_models / "dense.onnx"), providers=["CPUExecutionProvider"])
    wide = np.arange(16, dtype=np.float32).reshape(2, 8)
    for rows in (ROWS, np.array(ROWS, order="F"), wide[:, ::2]):
        scores, best = onnx.run_bound(session, ["scores", "best"], {"x": rows})
        expected = session.run(None, {"x": rows})
        assert np.array_equal(scores, expected[0])
        assert np.array_equal(best, expected[1])
    (first,) = onnx.run_bound(session, ["scores"], {"x": ROWS})
    onnx.run_bound(session, ["scores"], {"x": ROWS + 1})
    assert np.array_equal(first, ROWS @ np.arange(12, dtype=np.float32).reshape(4, 3)), "a later call wrote over it"


@pytest.mark.parametrize("rows", [ROWS[:, :3], ROWS.astype(np.float64)])
def test_bound_arrays_that_do_not_fit_are_the_callers_fault(onnx_models: Path, rows: np.ndarray) -> None:
    import onnxruntime

    model = loaded(onnx_models / "dense.onnx")
    session = onnxruntime.InferenceSession(str(onnx_models / "dense.onnx"), providers=["CPUExecutionProvider"])
    model._run = partial(onnx.run_bound, session)
    with pytest.raises(BadRequest):
        model.predict({"x": rows})


def test_tensorrt_that_is_not_there_is_told_and_the_model_served(
    onnx_models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = loaded(onnx_models / "dense.onnx", options={"tensorrt": True})
    assert model.device == "cpu"
    assert "SW1232: `tensorrt` is asked for, but the model runs in CPUExecutionProvider" in caplog.text
    assert "built without TensorRT" in caplog.text


CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"


def test_a_required_gpu_makes_tensorrt_required_too(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StartError, match=r"SW1232: .* runs in CUDA.*: TensorRT 10 cannot be loaded; the pip packages"):
        onnx.check_tensorrt([CUDA, CPU], [TENSORRT, CUDA, CPU], "require")
    onnx.check_tensorrt([TENSORRT, CUDA, CPU], [TENSORRT, CUDA, CPU], "require")
    assert not caplog.records
    onnx.check_tensorrt([CUDA, CPU], [TENSORRT, CUDA, CPU], "prefer")
    onnx.check_tensorrt([CPU], [CPU], "require")  # that there is no GPU is found, and explained, for all frameworks
    assert len(caplog.records) == 2


class Installed:
    """An onnxruntime with these providers; what it is asked to load first is remembered."""

    def __init__(self, *providers: str) -> None:
        self.providers = list(providers)
        self.preloaded = False

    def get_available_providers(self) -> list[str]:
        """As onnxruntime's own."""
        return self.providers

    def preload_dlls(self) -> None:
        """As onnxruntime's own."""
        self.preloaded = True


HEURISTIC = (CUDA, {"cudnn_conv_algo_search": "HEURISTIC"})


@pytest.mark.parametrize(
    ("gpu", "options", "expected"),
    [
        ("require", {}, [HEURISTIC, CPU]),
        ("prefer", {"conv_search": "exhaustive"}, [(CUDA, {"cudnn_conv_algo_search": "EXHAUSTIVE"}), CPU]),
        ("require", {"tensorrt": True}, [(TENSORRT, {"trt_fp16_enable": False}), HEURISTIC, CPU]),
        ("require", {"tensorrt": "float16"}, [(TENSORRT, {"trt_fp16_enable": True}), HEURISTIC, CPU]),
        ("off", {"tensorrt": True}, [CPU]),
    ],
)
def test_providers_are_tried_best_first_with_their_options(
    gpu: str, options: dict[str, Any], expected: list[Any]
) -> None:
    installed = Installed(TENSORRT, CUDA, CPU)
    assert onnx._providers(installed, {"gpu": gpu, "options": options}) == expected
    assert installed.preloaded == (gpu != "off")


def test_the_device_says_who_is_in_use() -> None:
    assert onnx._device([TENSORRT, CUDA, CPU]).startswith("cuda:0")
    assert onnx._device([TENSORRT, CUDA, CPU]).endswith("(TensorRT)")
    assert onnx._device([CUDA, CPU]).startswith("cuda:0")
    assert "TensorRT" not in onnx._device([CUDA, CPU])
    assert onnx._device([CPU]) == "cpu"
