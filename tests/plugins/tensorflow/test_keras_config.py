"""Configurations of models, also such as Keras 2 wrote them."""

from __future__ import annotations

from typing import Any

import pytest

from scorewright.signature import TensorSpec
from scorewright_tensorflow.keras_config import UnknownModel, read_model

KERAS_2 = {
    "class_name": "Functional",
    "config": {
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 28, 28], "dtype": "uint8", "name": "pixels"},
                "name": "pixels",
                "inbound_nodes": [],
            },
            {
                "class_name": "Flatten",
                "config": {"name": "flat", "dtype": "float32"},
                "name": "flat",
                "inbound_nodes": [[["pixels", 0, 0, {}]]],
            },
            {
                "class_name": "Dense",
                "config": {"name": "scores", "dtype": "float32", "units": 10},
                "name": "scores",
                "inbound_nodes": [[["flat", 0, 0, {}]]],
            },
        ],
        "input_layers": [["pixels", 0, 0]],
        "output_layers": [["scores", 0, 0]],
    },
}


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    """A Sequential model's configuration."""
    return {"class_name": "Sequential", "config": {"layers": list(layers)}}


def layer(kind: str, **config: Any) -> dict[str, Any]:  # noqa: ANN401
    """One layer's configuration."""
    return {"class_name": kind, "config": {"name": kind.lower(), **config}}


INPUT = layer("InputLayer", batch_shape=[None, 4], dtype="float32")


def test_keras_2_files_read_like_keras_3_files() -> None:
    model = read_model(KERAS_2)
    assert model.structure == "single"
    assert model.signature.inputs == (TensorSpec("pixels", "uint8", (None, 28, 28)),)
    assert model.signature.outputs == (TensorSpec("scores", "float32", (None, 10)),)
    assert model.foreign == ()


def test_an_unknown_layer_leaves_the_shape_open_and_the_batch_as_it_is() -> None:
    signature = read_model(sequential(INPUT, layer("Mystery"))).signature
    assert signature.outputs == (TensorSpec("mystery", "float32", None),)
    assert signature.batch


def test_a_fixed_number_of_rows_is_no_batch() -> None:
    fixed = layer("InputLayer", batch_shape=[8, 4], dtype="float32")
    assert not read_model(sequential(fixed, layer("Dense", units=2))).signature.batch


def test_a_mixed_policy_computes_in_its_second_half() -> None:
    policy = {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    model = read_model(sequential(INPUT, layer("Dense", units=2, dtype=policy)))
    assert model.signature.outputs[0].dtype == "float16"


def test_lambdas_and_foreign_classes_are_found_inside_of_other_layers() -> None:
    inner = sequential(INPUT, layer("Lambda"), {**layer("Odd"), "module": "mine.layers"})
    wrapped = layer("TimeDistributed", layer=layer("Mine>Layer"))
    model = read_model(sequential(INPUT, inner, wrapped))
    assert model.lambdas == ("lambda",)
    assert model.foreign == ("Mine>Layer", "Odd")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"class_name": "Mine", "config": {"units": 3}}, "of the class Mine"),
        (sequential(layer("Dense", units=2)), "without an input shape"),
        ({"class_name": "Functional", "config": {"layers": [], "input_layers": []}}, "does not list its inputs"),
        ({"class_name": "Functional", "config": {"layers": [], "input_layers": [[["a", 0, 0]]]}}, "nested"),
    ],
)
def test_what_does_not_say_it_is_refused_with_the_reason(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnknownModel, match=reason):
        read_model(config)
