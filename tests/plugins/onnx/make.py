"""Small real ONNX models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

# ruff: noqa: ANN401 - onnx has no types


def make_all(folder: Path) -> Path:
    """Every model below ``folder``, under the names that the tests use."""
    import onnx
    from onnx import TensorProto as T
    from onnx import helper, numpy_helper

    def save(name: str, nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: list[Any] = []) -> Any:  # noqa: B006
        graph = helper.make_graph(nodes, name, inputs, outputs, weights)
        opset = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        model = helper.make_model(graph, opset_imports=opset, producer_name="maker", producer_version="1.2")
        model.ir_version = 9
        onnx.save(model, folder / f"{name}.onnx")
        return model

    info = helper.make_tensor_value_info
    weights = numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(4, 3), "w")
    dense = [
        helper.make_node("MatMul", ["x", "w"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0),
    ]
    x, scores = info("x", T.FLOAT, ["batch", 4]), info("scores", T.FLOAT, ["batch", 3])
    best = info("best", T.INT64, ["batch"])
    # Files of before IR version 4 list their weights among the inputs.
    model = save("dense", dense, [x, info("w", T.FLOAT, [4, 3])], [scores, best], [weights])
    save(
        "fixed",
        dense,
        [info("x", T.FLOAT, [2, 4])],
        [info("scores", T.FLOAT, [2, 3]), info("best", T.INT64, [2])],
        [weights],
    )
    save(
        "unnamed",
        dense,
        [info("x", T.FLOAT, [None, 4])],
        [info("scores", T.FLOAT, [None, 3]), info("best", T.INT64, [None])],
        [weights],
    )
    save("rank", [helper.make_node("Shape", ["x"], ["y"])], [info("x", T.FLOAT, None)], [info("y", T.INT64, ["rank"])])
    save(
        "add",
        [helper.make_node("Add", ["a", "b"], ["y"])],
        [info("a", T.FLOAT, ["n"]), info("b", T.FLOAT, ["m"])],
        [info("y", T.FLOAT, ["k"])],
    )
    _kinds(save, helper, info, T)
    _maps(save, helper, info, T)
    (folder / "external").mkdir()
    onnx.save(
        model, folder / "external" / "model.onnx", save_as_external_data=True, location="model.data", size_threshold=0
    )
    return folder


def _kinds(save: Any, helper: Any, info: Any, T: Any) -> None:
    """Every dtype there and back, with a fixed number of rows."""
    node = helper.make_node
    nodes = [
        node("Identity", ["text"], ["text_out"]),
        node("Not", ["flag"], ["flag_out"]),
        node("Add", ["half", "half"], ["half_out"]),
        node("Add", ["number", "number"], ["number_out"]),
        node("Cast", ["byte"], ["byte_out"], to=T.INT32),
    ]
    kinds = {"text": T.STRING, "flag": T.BOOL, "half": T.FLOAT16, "number": T.INT64, "byte": T.UINT8}
    inputs = [info(name, kind, [2]) for name, kind in kinds.items()]
    outputs = [info(f"{name}_out", kind, [2]) for name, kind in {**kinds, "byte": T.INT32}.items()]
    save("kinds", nodes, inputs, outputs)
    brain = info("x", T.BFLOAT16, ["batch"])
    save("brain", [node("Identity", ["x"], ["y"])], [brain], [info("y", T.BFLOAT16, ["batch"])])


def _maps(save: Any, helper: Any, info: Any, T: Any) -> None:
    """A classifier as converters write it: its probabilities are a list of maps."""
    probabilities = helper.make_value_info(
        "maps",
        helper.make_sequence_type_proto(
            helper.make_map_type_proto(T.INT64, helper.make_tensor_type_proto(T.FLOAT, []))
        ),
    )
    nodes = [
        helper.make_node("ZipMap", ["x"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
        helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
    ]
    save("maps", nodes, [info("x", T.FLOAT, ["n", 2])], [info("label", T.INT64, ["n"]), probabilities])
