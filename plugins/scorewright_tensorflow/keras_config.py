"""A Keras model's configuration, as ``.keras`` and ``.h5`` files hold it: what goes in, what comes out, what it needs.

Inputs are stored whole. Outputs are not: their shapes are followed through the layers that are plain about it and are
left open otherwise. All of Keras's layers keep the first axis: it is the batch wherever the inputs leave it open.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from scorewright.signature import Signature, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

Shape: TypeAlias = "tuple[int | None, ...] | None"
Config: TypeAlias = "dict[str, Any]"
_SAME_SHAPE = frozenset(
    [
        *("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "Identity", "Masking", "Rescaling"),
        *("BatchNormalization", "GroupNormalization", "LayerNormalization", "UnitNormalization"),
        *("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization"),
        *("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
    ]
)


class UnknownModel(ValueError):
    """The configuration is of a kind that does not say what goes in and out. The text says which."""


@dataclass(frozen=True)
class KerasModel:
    """``structure``: how the model takes its inputs, ``single``, ``list`` or ``dict``. ``lambdas``: layers whose code
    is in the file. ``foreign``: classes that are not Keras's own."""

    signature: Signature
    structure: str
    lambdas: tuple[str, ...]
    foreign: tuple[str, ...]


def read_model(config: Config) -> KerasModel:
    """Read a model's configuration. Raises `UnknownModel` where it does not say what goes in and out."""
    kind, inner = config.get("class_name"), config.get("config")
    if not isinstance(inner, dict) or not isinstance(inner.get("layers"), list):
        raise UnknownModel(f"the model is of the class {kind}, whose configuration does not list its layers")
    structure, inputs, outputs = _sequential(inner) if kind == "Sequential" else _functional(inner)
    batch = all(spec.shape is not None and bool(spec.shape) and spec.shape[0] is None for spec in inputs)
    layers = list(_layers(inner))
    return KerasModel(
        Signature(tuple(inputs), tuple(outputs), batch),
        structure,
        tuple(sorted({str(_name(layer)) for layer in layers if layer.get("class_name") == "Lambda"})),
        tuple(sorted({str(layer["class_name"]) for layer in layers if _is_foreign(layer)})),
    )


def _functional(model: Config) -> tuple[str, list[TensorSpec], list[TensorSpec]]:
    layers = {str(_name(layer)): layer for layer in model["layers"]}
    structure, named_inputs = _references(model.get("input_layers"))
    _, named_outputs = _references(model.get("output_layers"))
    inputs = [_input(key or name, layers[name]) for key, name in named_inputs]
    shapes: dict[str, Shape] = {}
    for name, layer in layers.items():
        shapes[name] = _follow(layer, _input_shape(layer, shapes))
    outputs = [TensorSpec(key or name, _dtype(layers[name]), shapes[name]) for key, name in named_outputs]
    return structure, inputs, _distinct(outputs)


def _sequential(model: Config) -> tuple[str, list[TensorSpec], list[TensorSpec]]:
    layers = model["layers"]
    if not layers or not (_batch_shape(layers[0]) or model.get("build_input_shape")):
        raise UnknownModel("the Sequential model was saved without an input shape")
    first = layers[0]
    shape = _batch_shape(first) or _shape(model["build_input_shape"])
    spec = TensorSpec(str(_name(first)), _dtype(first), shape)
    for layer in layers:
        built = layer.get("build_config") or {}
        shape = _follow(layer, shape or _shape(built.get("input_shape")))
    return "single", [spec], [TensorSpec(str(_name(layers[-1])), _dtype(layers[-1]), shape)]


def _references(structure: object) -> tuple[str, list[tuple[str | None, str]]]:
    """The layers that a Functional model names as its inputs or outputs, each with its key where it has one.

    Keras 3 writes ``["x", 0, 0]`` for one tensor, a list of such, or a mapping to such; Keras 2 always a list.
    """
    if isinstance(structure, dict):
        return "dict", [(str(key), _reference(value)) for key, value in structure.items()]
    if isinstance(structure, list) and structure and isinstance(structure[0], str):
        return "single", [(None, _reference(structure))]
    if isinstance(structure, list) and structure:
        return "list" if len(structure) > 1 else "single", [(None, _reference(value)) for value in structure]
    raise UnknownModel("the model does not list its inputs and outputs")


def _reference(value: object) -> str:
    if isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str):
        return value[0]
    raise UnknownModel("the model's inputs or outputs are nested, which cannot be served")


def _input(name: str, layer: Config) -> TensorSpec:
    return TensorSpec(name, _dtype(layer), _batch_shape(layer))


def _input_shape(layer: Config, shapes: dict[str, Shape]) -> Shape:
    """The shape of what a layer takes: from its only input, else what it was built with."""
    nodes = layer.get("inbound_nodes") or []
    sources = [found for node in nodes[:1] for found in _sources(node)]
    if len(sources) == 1:
        name, shape = sources[0]
        return shape or shapes.get(name)
    return None


def _sources(node: object) -> Iterator[tuple[str, Shape]]:
    """The tensors that one call of a layer takes: layer and shape (None in Keras 2 files, which do not say it)."""
    if isinstance(node, dict) and node.get("class_name") == "__keras_tensor__":
        history = node["config"]["keras_history"]
        yield str(history[0]), _shape(node["config"].get("shape"))
    elif isinstance(node, dict):
        for value in (node.get("args"), node.get("kwargs")):
            yield from _sources(value if not isinstance(value, dict) else list(value.values()))
    elif isinstance(node, list) and len(node) >= 3 and isinstance(node[0], str) and isinstance(node[1], int):
        yield node[0], None
    elif isinstance(node, list):
        for item in node:
            yield from _sources(item)


def _follow(layer: Config, shape: Shape) -> Shape:
    """The shape that comes out of a layer, None where this is not known here."""
    kind, config = layer.get("class_name"), layer.get("config") or {}
    if kind == "InputLayer":
        return _batch_shape(layer)
    if shape is None:
        return None
    if kind in _SAME_SHAPE:
        return shape
    if kind == "Dense":
        return (*shape[:-1], int(config["units"]))
    if kind == "Embedding":
        return (*shape, int(config["output_dim"]))
    if kind == "Flatten":
        inner = [length for length in shape[1:] if length is not None]
        return (shape[0], prod(inner) if len(inner) == len(shape) - 1 else None)
    return None


def _batch_shape(layer: Config) -> Shape:
    config = layer.get("config") or {}
    return _shape(config.get("batch_shape") or config.get("batch_input_shape"))


def _shape(value: object) -> Shape:
    if not isinstance(value, list | tuple) or not all(length is None or isinstance(length, int) for length in value):
        return None
    return tuple(value)


def _dtype(layer: Config) -> str:
    """The dtype that a layer computes in: a name, or a policy of which the computing half counts."""
    found = (layer.get("config") or {}).get("dtype", "float32")
    if isinstance(found, dict):
        found = (found.get("config") or {}).get("name", "float32")
    return str(found).removeprefix("mixed_") if isinstance(found, str) else "float32"


def _distinct(outputs: list[TensorSpec]) -> list[TensorSpec]:
    """The same outputs with a number behind a name that comes again, since a layer may be used for two."""
    seen: dict[str, int] = {}
    distinct = []
    for spec in outputs:
        count = seen[spec.name] = seen.get(spec.name, -1) + 1
        distinct.append(TensorSpec(f"{spec.name}_{count}" if count else spec.name, spec.dtype, spec.shape))
    return distinct


def _layers(model: Config) -> Iterator[Config]:
    for layer in model.get("layers", ()):
        if isinstance(layer, dict):
            yield layer
            inner = layer.get("config")
            if isinstance(inner, dict):
                yield from _layers(inner)
                if isinstance(inner.get("layer"), dict):  # a wrapper such as TimeDistributed
                    yield from _layers({"layers": [inner["layer"]]})


def _name(layer: Config) -> object:
    return layer.get("name") or (layer.get("config") or {}).get("name")


def _is_foreign(layer: Config) -> bool:
    """Keras 3 says each class's module; legacy files mark registered classes as ``package>name``."""
    module = str(layer.get("module") or ("" if "module" in layer else "keras"))
    return ">" in str(layer.get("class_name")) or module.split(".")[0] != "keras"
