"""The torch loader answers as torch itself does, and unpickles nothing but tensors unasked."""

from __future__ import annotations

import io
import shutil
import sys
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.plugins.pytorch.make import imported
from tests.runtime.frameworks.support import config_for

from scorewright.signature import TensorSpec
from scorewright_pytorch import scorewright_frameworks
from scorewright_runtime import BadRequest, StartError
from scorewright_runtime.frameworks import pytorch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scorewright_runtime.frameworks.pytorch import TorchModel

(FRAMEWORK,) = scorewright_frameworks()
ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)
X = (TensorSpec("x", "float32", (None, 4)),)
SCORES = (TensorSpec("scores", "float32", (None, 3)),)
DECLARED: dict[str, Any] = {"inputs": X, "outputs": SCORES}


@pytest.fixture(autouse=True)
def bundle(pytorch_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A bundle's folder with the user's module; TorchScript is deprecated, which torch says at every load."""
    folder = tmp_path / "bundle" / "model_module"
    folder.mkdir(parents=True)
    shutil.copy(pytorch_models / "net.py", folder / "net.py")
    monkeypatch.setattr(pytorch, "_BUNDLE", folder.parent)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*")
        yield folder.parent


def loaded(path: Path, declared: dict[str, Any] | None = None, **changes: Any) -> TorchModel:  # noqa: ANN401
    """The model, loaded as a service would."""
    return pytorch.load(path, {**config_for(FRAMEWORK, path, **(declared or {})), **changes})


def truth(models: Path) -> np.ndarray:
    """What the network itself answers."""
    import torch

    network = imported(models / "net.py").Net()
    network.load_state_dict(torch.load(models / "weights.pt", weights_only=True))
    with torch.inference_mode():
        return np.asarray(network.eval()(torch.from_numpy(ROWS)).numpy())


def options(models: Path, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """The deploy file's further fields for weights."""
    return {"options": {"module": str(models / "net.py"), **more}}


@pytest.mark.parametrize("name", ["traced.pt", "scripted.pt"])
def test_torchscript_answers_as_the_network(pytorch_models: Path, name: str) -> None:
    model = loaded(pytorch_models / name, DECLARED)
    assert np.array_equal(model.predict({"x": ROWS})["scores"], truth(pytorch_models))
    assert model.device == "cpu"


def test_a_program_answers_as_the_network(pytorch_models: Path) -> None:
    model = loaded(pytorch_models / "program.pt2")
    assert np.allclose(model.predict({"x": ROWS})["output"], truth(pytorch_models))
    assert model.predict({"x": ROWS[:1]})["output"].shape == (1, 3)
    assert model.device == "cpu"


@pytest.mark.parametrize("name", ["weights.pt", "legacy.pth", "training.pt", "weights.safetensors"])
def test_weights_answer_as_the_network(pytorch_models: Path, name: str) -> None:
    model = loaded(pytorch_models / name, {**DECLARED, **options(pytorch_models)})
    assert np.array_equal(model.predict({"x": ROWS})["scores"], truth(pytorch_models))
    assert model.device == "cpu"


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_weights_of_a_wrapped_network_lose_its_prefix(pytorch_models: Path, tmp_path: Path, prefix: str) -> None:
    import torch

    state = torch.load(pytorch_models / "weights.pt", weights_only=True)
    torch.save({f"{prefix}{key}": value for key, value in state.items()}, tmp_path / "wrapped.pt")
    model = loaded(tmp_path / "wrapped.pt", {**DECLARED, **options(pytorch_models)})
    assert np.array_equal(model.predict({"x": ROWS})["scores"], truth(pytorch_models))


def test_weights_of_another_network_are_told_on_one_line(pytorch_models: Path, tmp_path: Path) -> None:
    import torch

    torch.save({"other.weight": torch.zeros(2, 2)}, tmp_path / "other.pt")
    with pytest.raises(
        StartError, match=r"SW1230: torch .* cannot load other\.pt: RuntimeError: Error.*other\.weight"
    ) as caught:
        loaded(tmp_path / "other.pt", {**DECLARED, **options(pytorch_models)})
    assert "\n" not in str(caught.value)


def test_a_pickled_module_loads_with_consent_only(pytorch_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_for(
        FRAMEWORK, pytorch_models / "module.pt", **DECLARED, **options(pytorch_models, allow_pickle=True)
    )
    monkeypatch.delitem(sys.modules, "net", raising=False)
    model = pytorch.load(pytorch_models / "module.pt", config)
    assert np.array_equal(model.predict({"x": ROWS})["scores"], truth(pytorch_models))
    with pytest.raises(StartError, match="allow_pickle"):
        pytorch.load(pytorch_models / "module.pt", {**config, "load": {**config["load"], "pickle": False}})
    with pytest.raises(StartError, match="SW1230"):
        pytorch.load(pytorch_models / "module.pt", {**config, "format": "registered", "load": {}})


def test_a_programs_pickles_are_not_run_without_consent(pytorch_models: Path, tmp_path: Path) -> None:
    import torch

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(tmp_path / "was-here"), "w")

    buffer = io.BytesIO()
    torch.save(Hostile(), buffer)
    hostile = tmp_path / "hostile.pt2"
    with zipfile.ZipFile(pytorch_models / "program.pt2") as old, zipfile.ZipFile(hostile, "w") as new:
        for name in old.namelist():
            new.writestr(name, buffer.getvalue() if "sample_inputs" in name else old.read(name))
    with pytest.raises(StartError, match="SW1230"):
        pytorch.load(hostile, config_for(FRAMEWORK, pytorch_models / "program.pt2"))
    assert not (tmp_path / "was-here").exists()


def test_a_program_from_a_gpu_runs_where_there_is_none(pytorch_models: Path, tmp_path: Path) -> None:
    def on_gpu(archive: bytes, *changes: tuple[bytes, bytes]) -> bytes:
        changed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(changed, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name.endswith(".pt"):  # an archive in the archive
                    data = on_gpu(data, *changes)
                else:
                    for before, after in changes:
                        data = data.replace(before, after)
                new.writestr(name, data)
        return changed.getvalue()

    device = (b'"device": {"type": "cpu", "index": null}', b'"device": {"type": "cuda", "index": 0}')
    location = (b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")
    path = tmp_path / "program.pt2"
    path.write_bytes(on_gpu((pytorch_models / "program.pt2").read_bytes(), device, location))
    model = loaded(path)
    assert np.allclose(model.predict({"x": ROWS})["output"], truth(pytorch_models))
    assert model.device == "cpu"


def test_keywords_dicts_and_mixed_dtypes(pytorch_models: Path) -> None:
    outputs = loaded(pytorch_models / "two.pt2").predict({"left": ROWS, "right": np.full((2, 4), 3, np.float16)})
    assert outputs["sum"].tolist() == (ROWS + 3).tolist()
    assert outputs["more"].tolist() == (ROWS > 3).tolist()


def test_tuples_are_named_in_order(pytorch_models: Path) -> None:
    outputs = loaded(pytorch_models / "pair.pt2").predict({"x": ROWS})
    assert outputs["output_1"].tolist() == (ROWS / 2).tolist()
    named = (TensorSpec("double", "float32", (None, 4)), TensorSpec("half", "float32", (None, 4)))
    outputs = loaded(pytorch_models / "pair.pt", {"inputs": X, "outputs": named}).predict({"x": ROWS})
    assert outputs["half"].tolist() == (ROWS / 2).tolist()


def test_bfloat16_comes_and_goes_as_float32(pytorch_models: Path) -> None:
    outputs = loaded(pytorch_models / "brain.pt2").predict({"x": ROWS})
    assert outputs["output_0"].dtype == np.float32
    assert outputs["output_0"].tolist() == (ROWS * 2).tolist()


def test_read_only_arrays_are_taken_without_a_warning(pytorch_models: Path) -> None:
    rows = np.frombuffer(ROWS.tobytes(), np.float32).reshape(2, 4)
    assert loaded(pytorch_models / "program.pt2").predict({"x": rows})["output"].shape == (2, 3)


def test_a_word_beyond_the_vocabulary_is_the_callers_fault(pytorch_models: Path) -> None:
    declared = {
        "inputs": (TensorSpec("word", "int64", (None,)),),
        "outputs": (TensorSpec("vector", "float32", (None, 2)),),
    }
    model = loaded(pytorch_models / "words.pt", declared)
    assert model.predict({"word": np.array([4])})["vector"].shape == (1, 2)
    with pytest.raises(BadRequest) as caught:
        model.predict({"word": np.array([7])})
    assert caught.value.code == "SW1231"
    assert caught.value.message.endswith("index out of range in self")


@pytest.mark.parametrize("name", ["scripted.pt", "program.pt2"])
def test_a_registered_model_needs_no_details(pytorch_models: Path, name: str) -> None:
    declared = {} if name == "program.pt2" else DECLARED
    model = loaded(pytorch_models / name, declared, format="registered", load={})
    assert len(model.predict({"x": ROWS})) == 1


@pytest.mark.parametrize("name", ["scripted.pt", "program.pt2", "weights.pt"])
def test_a_broken_file_is_a_start_error(pytorch_models: Path, tmp_path: Path, name: str) -> None:
    declared = {"inputs": X} if name == "program.pt2" else {**DECLARED, **options(pytorch_models)}
    config = config_for(FRAMEWORK, pytorch_models / name, **declared)
    content = (pytorch_models / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(StartError, match="SW1230"):
        pytorch.load(tmp_path / name, config)


def test_a_missing_module_is_a_start_error(pytorch_models: Path, bundle: Path) -> None:
    config = config_for(FRAMEWORK, pytorch_models / "weights.pt", **DECLARED, **options(pytorch_models))
    (bundle / "model_module" / "net.py").unlink()
    with pytest.raises(StartError, match=r"the bundle has no model_module/net\.py"):
        pytorch.load(pytorch_models / "weights.pt", config)


def test_outputs_that_the_model_does_not_return_are_named(pytorch_models: Path) -> None:
    two = (*SCORES, TensorSpec("more", "float32", (None, 3)))
    model = loaded(pytorch_models / "weights.pt", {"inputs": X, "outputs": two, **options(pytorch_models)})
    with pytest.raises(StartError, match="the model returns output; the deploy file names scores, more"):
        model.predict({"x": ROWS})
