"""The TensorFlow loader answers as TensorFlow itself does."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.runtime.frameworks.support import config_for

from scorewright.signature import TensorSpec
from scorewright_runtime import BadRequest, StartError
from scorewright_runtime.frameworks import tensorflow
from scorewright_runtime.frameworks.padded import Padded
from scorewright_tensorflow import scorewright_frameworks

if TYPE_CHECKING:
    from pathlib import Path

    from scorewright_runtime import Model

(FRAMEWORK,) = scorewright_frameworks()
ROWS = np.arange(8, dtype=np.float32).reshape(2, 4)
LOGITS = "network/output/MatMul:0"


def loaded(path: Path, declared: dict[str, Any] | None = None, **changes: Any) -> Model:  # noqa: ANN401
    """The model, loaded as a service would."""
    return tensorflow.load(path, {**config_for(FRAMEWORK, path, **(declared or {})), **changes})


def test_a_savedmodel_answers_as_tensorflow(tensorflow_models: Path) -> None:
    model = loaded(tensorflow_models / "savedmodel")
    scores = ROWS @ np.arange(12, dtype=np.float32).reshape(4, 3)
    outputs = model.predict({"x": ROWS})
    assert np.allclose(outputs["scores"], scores)
    assert outputs["best"].tolist() == scores.argmax(1).tolist()
    assert outputs["best"].dtype == np.int64
    assert model.device == "cpu"


@pytest.mark.parametrize("name", ["single.keras", "single.h5"])
def test_a_keras_file_answers_as_keras(tensorflow_models: Path, name: str) -> None:
    import tensorflow as tf

    model = loaded(tensorflow_models / name)
    truth = tf.keras.models.load_model(tensorflow_models / name, compile=False).predict(ROWS, verbose=0)
    assert np.allclose(model.predict({"x": ROWS})["scores"], truth, atol=1e-6)
    assert model.device == "cpu"


@pytest.mark.parametrize("name", ["dict.keras", "dict.h5", "list.keras", "shared.keras", "sequential.keras"])
def test_every_structure_of_inputs_and_outputs(tensorflow_models: Path, name: str) -> None:
    import tensorflow as tf

    reference = tf.keras.models.load_model(tensorflow_models / name, compile=False)
    config = config_for(FRAMEWORK, tensorflow_models / name)
    generator = np.random.default_rng(0)
    inputs = {
        spec["name"]: generator.integers(0, 5, [3, *spec["shape"][1:]]).astype(spec["dtype"])
        for spec in config["signature"]["inputs"]
    }
    if config["load"]["inputs"] == "dict":
        truth = reference(inputs)
        truth = [truth[key] for key in truth]
    else:
        values = list(inputs.values())
        truth = reference(values if len(values) > 1 else values[0])
        truth = truth if isinstance(truth, list) else [truth]
    outputs = tensorflow.load(tensorflow_models / name, config).predict(inputs)
    assert len(outputs) == len(truth)
    for ours, theirs in zip(outputs.values(), truth, strict=True):
        assert np.allclose(ours, theirs.numpy(), atol=1e-6)


def test_a_checkpoint_answers_as_its_session(tensorflow_models: Path) -> None:
    import tensorflow as tf

    declared = {
        "inputs": (TensorSpec("x", "float32", (None, 6), "network/X:0"),),
        "outputs": (TensorSpec("scores", "float32", (None, 3), LOGITS),),
    }
    model = loaded(tensorflow_models / "checkpoint", declared)
    rows = np.arange(12, dtype=np.float32).reshape(2, 6)
    reader = tf.train.load_checkpoint(str(tensorflow_models / "checkpoint" / "network.ckpt"))
    truth = np.maximum(rows @ reader.get_tensor("weights"), 0) @ reader.get_tensor("last")
    assert np.allclose(model.predict({"x": rows})["scores"], truth, atol=1e-5)
    assert model.device == "cpu"


def test_a_graph_that_can_train_serves(tensorflow_models: Path) -> None:
    model = loaded(tensorflow_models / "modes", {"output_names": ("scores:0",)})
    rows = np.arange(4, dtype=np.float32).reshape(2, 2)
    assert model.predict({"x:0": rows})["scores:0"].tolist() == rows.tolist()


def test_every_dtype_goes_in_and_comes_out(tensorflow_models: Path) -> None:
    outputs = loaded(tensorflow_models / "kinds").predict(
        {
            "text": np.array(["ä", "b"], dtype=object),
            "byte": np.array([1, 100], np.uint8),
            "flag": np.array([True, False]),
            "half": np.array([0.5, 1.5], np.float16),
            "brain": np.array([0.5, 1.5], np.float32),
            "number": np.array([2**40, 0]),
        }
    )
    assert outputs["text"].tolist() == ["ää", "bb"]
    assert outputs["byte"].dtype.name == "uint8"
    assert outputs["byte"].tolist() == [2, 200]
    assert outputs["flag"].tolist() == [False, True]
    assert outputs["half"].dtype.name == "float16"
    assert outputs["half"].tolist() == [1, 3]
    assert outputs["brain"].dtype.name == "float32"
    assert outputs["brain"].tolist() == [1, 3]
    assert outputs["number"].tolist() == [2**40 - 1, -1]


def test_only_the_wanted_outputs_come_back(tensorflow_models: Path) -> None:
    assert list(loaded(tensorflow_models / "savedmodel", outputs=["best"]).predict({"x": ROWS})) == ["best"]


def test_values_that_the_graph_cannot_take_are_the_callers_fault(tensorflow_models: Path) -> None:
    model = loaded(tensorflow_models / "lookup")
    assert model.predict({"word": np.array([1], np.int32)})["vector"].tolist() == [[2.0]]
    with pytest.raises(BadRequest) as caught:
        model.predict({"word": np.array([9], np.int32)})
    assert caught.value.code == "SW1231"
    assert caught.value.message.endswith("indices[0] = 9 is not in [0, 2)")


@pytest.mark.parametrize("name", ["checkpoint", "single.keras"])
def test_many_threads_get_their_own_answers(tensorflow_models: Path, name: str) -> None:
    declared = {"output_names": (LOGITS,)} if name == "checkpoint" else {}
    model = loaded(tensorflow_models / name, declared)
    key, width = ("network/X:0", 6) if name == "checkpoint" else ("x", 4)
    rows = [np.full((number % 5 + 1, width), number, np.float32) for number in range(40)]
    alone = [next(iter(model.predict({key: array}).values())) for array in rows]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda array: next(iter(model.predict({key: array}).values())), rows))
    assert all(np.allclose(left, right) for left, right in zip(alone, together, strict=True))


@pytest.mark.parametrize("name", ["savedmodel", "single.keras", "single.h5", "checkpoint"])
def test_a_registered_model_needs_no_details(tensorflow_models: Path, name: str) -> None:
    declared = {"output_names": (LOGITS,)} if name == "checkpoint" else {}
    model = loaded(tensorflow_models / name, declared, format="registered", load={})
    inputs = {"network/X:0": np.zeros((2, 6), np.float32)} if name == "checkpoint" else {"x": ROWS}
    assert next(iter(model.predict(inputs).values())).shape[0] == 2


def test_lambda_layers_load_with_consent_only(tensorflow_models: Path) -> None:
    path = tensorflow_models / "lambda.keras"
    config = config_for(FRAMEWORK, path, options={"allow_pickle": True})
    (name,) = (spec["name"] for spec in config["signature"]["inputs"])
    outputs = tensorflow.load(path, config).predict({name: ROWS})
    assert next(iter(outputs.values())).tolist() == (ROWS * 2).tolist()
    with pytest.raises(StartError, match="SW1230"):
        tensorflow.load(path, {**config, "load": {**config["load"], "safe_mode": True}})


@pytest.mark.parametrize(
    "file", ["saved_model.pb", "variables/variables.data-00000-of-00001", "variables/variables.index"]
)
def test_a_broken_savedmodel_is_a_start_error(tensorflow_models: Path, tmp_path: Path, file: str) -> None:
    config = config_for(FRAMEWORK, tensorflow_models / "savedmodel")
    copy = shutil.copytree(tensorflow_models / "savedmodel", tmp_path / "model")
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(StartError, match=r"SW1230: TensorFlow .* cannot load model"):
        tensorflow.load(copy, config)


@pytest.mark.parametrize("name", ["single.keras", "single.h5"])
def test_a_broken_keras_file_is_a_start_error(tensorflow_models: Path, tmp_path: Path, name: str) -> None:
    config = config_for(FRAMEWORK, tensorflow_models / name)
    content = (tensorflow_models / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(StartError, match="SW1230"):
        tensorflow.load(tmp_path / name, config)


def test_another_model_than_was_checked_is_a_start_error(tensorflow_models: Path) -> None:
    config = config_for(FRAMEWORK, tensorflow_models / "savedmodel")
    with pytest.raises(StartError, match="has no input x; it has word"):
        tensorflow.load(tensorflow_models / "lookup", config)


@pytest.mark.parametrize(
    ("name", "output"), [("savedmodel", "scores"), ("single.keras", "scores"), ("single.h5", "scores")]
)
def test_xla_answers_alike_for_every_number_of_rows(tensorflow_models: Path, name: str, output: str) -> None:
    batching = {"max_batch_size": 4, "max_delay_ms": 2.0}
    plain = loaded(tensorflow_models / name)
    compiled = loaded(tensorflow_models / name, options={"xla": True}, batching=batching)
    assert compiled.device == "cpu"
    for rows in (1, 2, 3, 5):
        x = np.random.default_rng(rows).random((rows, 4), np.float32)
        expected, found = plain.predict({"x": x})[output], compiled.predict({"x": x})[output]
        assert found.shape == expected.shape
        assert np.allclose(found, expected, atol=1e-6)


def test_xla_compiles_before_requests_come(tensorflow_models: Path) -> None:
    batching = {"max_batch_size": 8, "max_delay_ms": 2.0}
    compiled = loaded(tensorflow_models / "savedmodel", options={"xla": True}, batching=batching)
    assert isinstance(compiled, Padded)
    inner = compiled._model
    assert isinstance(inner, tensorflow.EagerModel)
    function: Any = inner._call
    assert "HloModule" in function.experimental_get_compiler_ir({"x": np.zeros((8, 4), np.float32)})(stage="hlo")


def test_what_xla_cannot_compile_is_a_start_error(tensorflow_models: Path) -> None:
    with pytest.raises(StartError, match=r"SW1232: XLA cannot compile the model: .*unsupported"):
        loaded(tensorflow_models / "kinds", options={"xla": True})


def test_a_checkpoint_is_not_compiled(tensorflow_models: Path) -> None:
    declared = {
        "inputs": (TensorSpec("x", "float32", (None, 6), "network/X:0"),),
        "outputs": (TensorSpec("scores", "float32", (None, 3), LOGITS),),
    }
    with pytest.raises(StartError, match="SW1232: `xla` compiles SavedModels and Keras files"):
        loaded(tensorflow_models / "checkpoint", declared, options={"xla": True})
