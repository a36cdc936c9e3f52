"""The models: the digits' network, a ResNet-18 in shape, one that costs nearly nothing; and what is sent to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DIGITS = Path(__file__).parents[2] / "examples" / "mnist"
PAYLOADS = 8


@dataclass(frozen=True)
class Case:
    """A model and the pictures that are sent. ``rows``: grey values, float64. ``stand_in``: each call takes 5 ms and
    0.1 ms per row more, one at a time, as on an accelerator."""

    name: str
    model: Path
    rows: np.ndarray
    stand_in: bool = False

    def payloads(self, rows: int, kind: str) -> list[np.ndarray]:
        """What the requests hold, ``rows`` rows each: values divided by 255 as the tutorial's client does, bytes as
        they are."""
        scaled = self.rows if kind == "u8" else self.rows / 255.0
        return [np.resize(scaled[start:], (rows, *scaled.shape[1:])) for start in range(PAYLOADS)]


def digits() -> np.ndarray:
    """Digits that the network has not been trained with."""
    images = np.load(DIGITS / "held-out.npz")["images"]
    return images.reshape(len(images), 784)[:64].astype(float)


def pictures() -> np.ndarray:
    """Waves with noise, 3 x 224 x 224."""
    chance = np.random.default_rng(7)
    waves = np.add.outer(np.arange(224), np.arange(224)) / 8.0
    rows = [127 + 100 * np.sin(waves + phase) for phase in chance.uniform(0, 6, PAYLOADS)]
    noise = chance.uniform(-20, 20, (PAYLOADS, 3, 224, 224))
    return np.clip(np.stack(rows)[:, None] + noise, 0, 255).round()


def cases(folder: Path) -> dict[str, Case]:
    """Every case; models that are not in the repository are made in ``folder``."""
    mnist, large = DIGITS / "models" / "mnist.onnx", pictures()
    resnet, free = folder / "resnet18.onnx", folder / "free.onnx"
    save_resnet(resnet)
    save_free(free)
    return {
        "mnist": Case("mnist", mnist, digits()),
        "standin": Case("standin", mnist, digits(), stand_in=True),
        "resnet": Case("resnet", resnet, large),
        "free": Case("free", free, large),
    }


def save_free(path: Path) -> None:
    """Average pool to 3 x 4 x 4, then 48 x 10: next to no work for a large input."""
    from onnx import TensorProto, helper, numpy_helper

    chance = np.random.default_rng(7)
    weights = numpy_helper.from_array(chance.normal(size=(48, 10)).astype("f4"), "w")
    nodes = [
        helper.make_node("AveragePool", ["x"], ["pooled"], kernel_shape=[56, 56], strides=[56, 56]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["scores"]),
    ]
    _save(path, nodes, [weights], TensorProto.FLOAT)


def save_resnet(path: Path) -> None:
    """The shape of ResNet-18 with random weights: 11.7 million parameters, batch norms folded into biases."""
    from onnx import TensorProto, helper

    net = _Net()
    value = net.conv("x", 3, 64, 7, 2, relu=True)
    net.nodes.append(
        helper.make_node("MaxPool", [value], ["stem"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    )
    value, width = "stem", 64
    for channels in (64, 128, 256, 512):
        for block in range(2):
            stride = 2 if block == 0 and channels != 64 else 1
            shortcut = value if stride == 1 else net.conv(value, width, channels, 1, 2)
            value = net.conv(value, width, channels, 3, stride, relu=True)
            value = net.conv(value, channels, channels, 3, 1)
            value = net.relu(net.add(value, shortcut))
            width = channels
    net.nodes.append(helper.make_node("GlobalAveragePool", [value], ["pooled"]))
    net.nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"]))
    net.nodes.append(helper.make_node("MatMul", ["flat", net.weight((512, 1000), 512)], ["scores"]))
    _save(path, net.nodes, net.weights, TensorProto.FLOAT, outputs=1000)


class _Net:
    """Nodes and weights as they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._chance = np.random.default_rng(7)

    def weight(self, shape: tuple[int, ...], fan_in: int) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        values = self._chance.normal(size=shape).astype("f4") * np.float32((2 / fan_in) ** 0.5)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(self, value: str, before: int, after: int, size: int, stride: int, *, relu: bool = False) -> str:
        weights = self.weight((after, before, size, size), before * size * size)
        pads = [size // 2] * 4
        out = self._node("Conv", [value, weights], kernel_shape=[size, size], strides=[stride, stride], pads=pads)
        return self.relu(out) if relu else out

    def relu(self, value: str) -> str:
        return self._node("Relu", [value])

    def add(self, one: str, other: str) -> str:
        return self._node("Add", [one, other])

    def _node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        from onnx import helper

        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out


def _save(path: Path, nodes: list[Any], weights: list[Any], kind: int, outputs: int = 10) -> None:
    import onnx
    from onnx import helper

    x = helper.make_tensor_value_info("x", kind, ["batch", 3, 224, 224])
    scores = helper.make_tensor_value_info("scores", kind, ["batch", outputs])
    graph = helper.make_graph(nodes, path.stem, [x], [scores], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
