"""Train the tutorial's network once and write the same weights in every format that scorewright serves.

    python docs/examples/mnist/train.py

Needs tensorflow, torch, onnx, scikit-learn and pillow. What it writes is committed; run it only to make that anew.
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import data  # noqa: E402

MODELS = HERE / "models"
Weights = dict[str, np.ndarray]
"""``h1/kernel`` [784, 300], ``h1/bias`` [300], ``h2/kernel`` [300, 100], ``h2/bias`` [100],
``output/kernel`` [100, 10]."""


def train(images: np.ndarray, labels: np.ndarray) -> Weights:
    """Train with Adam until the loss is small, and give the weights."""
    import torch
    from net import Digits

    torch.manual_seed(7)
    torch.set_num_threads(1)
    net = Digits()
    inputs, targets = torch.from_numpy(data.rows(images)), torch.from_numpy(labels)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
    for _ in range(60):
        for batch in torch.randperm(len(inputs)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[batch]), targets[batch]).backward()
            optimizer.step()
    state = {name: value.detach().numpy() for name, value in net.state_dict().items()}
    return {
        "h1/kernel": state["h1.weight"].T.copy(),
        "h1/bias": state["h1.bias"],
        "h2/kernel": state["h2.weight"].T.copy(),
        "h2/bias": state["h2.bias"],
        "output/kernel": state["output.weight"].T.copy(),
    }


def forward(weights: Weights, x: np.ndarray) -> np.ndarray:
    """The network in numpy: float32 [n, 784] to [n, 10]."""
    hidden = np.maximum(x @ weights["h1/kernel"] + weights["h1/bias"], 0)
    hidden = np.maximum(hidden @ weights["h2/kernel"] + weights["h2/bias"], 0)
    return hidden @ weights["output/kernel"]


def write_checkpoint(weights: Weights) -> None:
    """The tutorial's own format: a TF1 metagraph checkpoint with ``network/X:0``, ``network/output/MatMul:0``."""
    import tensorflow as tf

    v1 = tf.compat.v1
    folder = MODELS / "checkpoint"
    folder.mkdir()
    with tf.Graph().as_default(), v1.Session() as session:
        with v1.name_scope("network"):
            x = v1.placeholder(tf.float32, (None, 784), name="X")
            y = v1.placeholder(tf.int64, (None,), name="y")
            layer = x
            for name in ("h1", "h2"):
                layer = tf.nn.relu(_dense(v1, layer, weights, name))
            scores = _dense(v1, layer, weights, "output")
        with v1.name_scope("train"):
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores))
            v1.train.GradientDescentOptimizer(0.01).minimize(loss, name="minimize")
        for variable in v1.global_variables():
            variable.load(weights[variable.op.name.removeprefix("network/")], session)
        v1.train.Saver().save(session, str(folder / "mnist-tf.model"))
    (folder / "checkpoint").unlink()


def _dense(v1: object, layer: object, weights: Weights, name: str) -> object:
    def variable(part: str) -> object:
        return v1.Variable(v1.zeros(weights[f"{name}/{part}"].shape), name=part, use_resource=False)

    with v1.name_scope(name):
        product = v1.matmul(layer, variable("kernel"), name="MatMul")
        return v1.nn.bias_add(product, variable("bias"), name="BiasAdd") if f"{name}/bias" in weights else product


def write_keras(weights: Weights) -> None:
    """The same weights as ``.keras``, legacy ``.h5`` and SavedModel."""
    import keras
    import tensorflow as tf

    x = keras.Input((784,), name="x", dtype="float32")
    hidden = keras.layers.Dense(300, "relu", name="h1")(x)
    hidden = keras.layers.Dense(100, "relu", name="h2")(hidden)
    model = keras.Model(x, keras.layers.Dense(10, use_bias=False, name="scores")(hidden), name="digits")
    model.set_weights(list(weights.values()))
    model.save(MODELS / "mnist.keras")
    model.save(MODELS / "mnist.h5", include_optimizer=False)

    @tf.function(input_signature=[tf.TensorSpec((None, 784), tf.float32, name="x")])
    def serve(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"scores": model(x, training=False)}

    tf.saved_model.save(model, str(MODELS / "savedmodel"), signatures={"serving_default": serve})


def write_torch(weights: Weights) -> None:
    """The same weights as TorchScript, ``torch.export`` archive and state_dict."""
    import torch
    from net import Digits

    net = Digits().eval()
    state = {
        "h1.weight": weights["h1/kernel"].T,
        "h1.bias": weights["h1/bias"],
        "h2.weight": weights["h2/kernel"].T,
        "h2.bias": weights["h2/bias"],
        "output.weight": weights["output/kernel"].T,
    }
    net.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in state.items()})
    torch.save(net.state_dict(), MODELS / "mnist-state-dict.pt")
    torch.jit.script(net).save(str(MODELS / "mnist-torchscript.pt"))
    _without_debug_info(MODELS / "mnist-torchscript.pt")
    rows = torch.export.Dim("rows", min=1)
    program = torch.export.export(net, (torch.zeros(2, 784),), dynamic_shapes={"x": {0: rows}})
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it names folders of this machine
    torch.export.save(program, MODELS / "mnist.pt2")


def _without_debug_info(archive: Path) -> None:
    """Take out of a TorchScript archive which source line each operation is from: it names folders of this machine."""
    with zipfile.ZipFile(archive) as source:
        entries = [(entry, source.read(entry)) for entry in source.infolist() if ".debug_pkl" not in entry.filename]
    with zipfile.ZipFile(archive, "w") as target:
        for entry, content in entries:
            target.writestr(entry, content)


def write_onnx(weights: Weights) -> None:
    """The same weights as an ONNX file, opset 17."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, layer = [], "x"
    for name in ("h1", "h2"):
        nodes += [
            helper.make_node("MatMul", [layer, f"{name}/kernel"], [f"{name}/product"]),
            helper.make_node("Add", [f"{name}/product", f"{name}/bias"], [f"{name}/sum"]),
            helper.make_node("Relu", [f"{name}/sum"], [name]),
        ]
        layer = name
    nodes.append(helper.make_node("MatMul", [layer, "output/kernel"], ["scores"]))
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 784])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", 10])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="scorewright example")
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, MODELS / "mnist.onnx")


def write_samples(weights: Weights, images: np.ndarray, labels: np.ndarray) -> None:
    """Held-out digits: all of them as ``.npz``, the golden request with its answer, and one of each digit as image."""
    from PIL import Image

    np.savez_compressed(HERE / "held-out.npz", images=images, labels=labels)
    first = data.rows(images[labels == 7][:1])
    (HERE / "sample.json").write_text(json.dumps({"data": np.round(first, 6).tolist()}) + "\n")
    (HERE / "expect.json").write_text(json.dumps(np.round(forward(weights, first).astype(float), 5).tolist()) + "\n")
    folder = HERE / "digits"
    folder.mkdir()
    for digit in range(10):
        image = Image.fromarray(images[labels == digit][0])
        image.save(folder / f"{digit}.png", optimize=True)
        image.save(folder / f"{digit}.jpg", quality=90)


def main() -> None:
    """Write everything anew and say how good the network is on the held-out digits."""
    seen, seen_labels, held_out, held_out_labels = data.digits()
    weights = train(seen, seen_labels)
    for folder in (MODELS, HERE / "digits"):
        shutil.rmtree(folder, ignore_errors=True)
    MODELS.mkdir()
    write_checkpoint(weights)
    write_keras(weights)
    write_torch(weights)
    write_onnx(weights)
    write_samples(weights, held_out, held_out_labels)
    right = forward(weights, data.rows(held_out)).argmax(axis=1) == held_out_labels
    sys.stdout.write(f"right on {right.mean():.1%} of {len(right)} held-out digits\n")


if __name__ == "__main__":
    main()
