"""TensorFlow models: SavedModel, Keras files, and TensorFlow 1 checkpoints."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from scorewright_runtime.errors import StartError
from scorewright_runtime.warmup import blank

from .common import by_tensor, check_inputs, flat, named, only, option, refuse, signature_of, texts, threads
from .padded import padded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from scorewright_runtime.types import Arrays, Model, TensorSpec

log = logging.getLogger("azmlinfsrv.scorewright")
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_NOT_FOR_XLA = "unsupported operations when trying to compile"


class EagerModel:
    """A function of tensors. ``call``: from tensors by the model's names to tensors by the model's names.

    ``device``: where its output and its weights are, seen in one call; TensorFlow places whatever has no GPU code on
    the CPU, so that one of them on a GPU is the proof.
    """

    def __init__(
        self, tf: Any, call: Callable[[dict[str, Any]], dict[str, Any]], variables: Iterable[Any], config: Any
    ) -> None:
        self._tf = tf
        self._call = call
        self._signature = signature_of(config)
        self._specs = {spec.tensor: spec for spec in self._signature.inputs}
        self.device = _describe(tf, [variable.device for variable in variables] + self._output_devices())

    def predict(self, inputs: Arrays) -> Arrays:
        """See `Model`."""
        outputs = self._tensors(inputs)
        return {name: _array(self._tf, tensor) for name, tensor in outputs.items()}

    def _tensors(self, inputs: Arrays) -> dict[str, Any]:
        arrays = by_tensor(self._signature, inputs)
        tensors = {name: _tensor(self._tf, array, self._specs[name]) for name, array in arrays.items()}
        try:
            found = self._call(tensors)
        except self._tf.errors.InvalidArgumentError as error:
            if _NOT_FOR_XLA in str(error):
                raise StartError("SW1232", f"XLA cannot compile the model: {str(error).splitlines()[0]}") from error
            refuse(error)
        return named(found, self._signature.outputs)

    def _output_devices(self) -> list[str]:
        inputs = blank(self._signature, 1, 1)
        if inputs is None:
            return []
        try:
            return [tensor.device for tensor in self._tensors(inputs).values()]
        except StartError:
            raise
        except Exception as error:  # an axis that is open may need more than one entry; the weights are proof enough
            log.debug("no call before the warm-up: %r", error)
            return []


class SessionModel:
    """A TensorFlow 1 graph in a session, which any number of threads may use."""

    def __init__(self, tf: Any, session: Any, config: Mapping[str, Any]) -> None:
        self._tf = tf
        self._signature = signature_of(config)
        graph = session.graph
        feeds = [_graph_tensor(graph, spec) for spec in self._signature.inputs]
        fetches = [_graph_tensor(graph, spec) for spec in self._signature.outputs]
        # Switches between training and serving, the same in every call.
        fixed = {graph.get_tensor_by_name(name): value for name, value in (config["load"].get("feed") or {}).items()}
        self._fixed = list(fixed.values())
        self._run = session.make_callable(fetches, feed_list=[*feeds, *fixed])
        inputs = blank(self._signature, 1, 1)
        example = None if inputs is None else {**dict(zip(feeds, inputs.values())), **fixed}
        self.device = _describe(tf, _placements(tf, session, fetches, example))

    def predict(self, inputs: Arrays) -> Arrays:
        """See `Model`."""
        try:
            values = self._run(*(inputs[spec.name] for spec in self._signature.inputs), *self._fixed)
        except (self._tf.errors.InvalidArgumentError, ValueError) as error:
            refuse(error)
        arrays = {spec.name: value for spec, value in zip(self._signature.outputs, values)}
        return {name: _plain(array) for name, array in arrays.items()}


def load(path: Path, config: Mapping[str, Any]) -> Model:
    """Load a model onto the GPU where TensorFlow sees one.

    Raises `StartError`: SW1230 if TensorFlow cannot; SW1232 if XLA, which is asked for, cannot compile it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import tensorflow as tf

    _configure(tf, config)
    kind = config["format"] if config["format"] in _LOADERS else _kind(path)
    if option(config, "xla") and kind == "checkpoint":
        raise StartError("SW1232", "`xla` compiles SavedModels and Keras files; this model is a checkpoint")
    try:
        model = _LOADERS[kind](tf, path, config)
        return _ready(model, config) if option(config, "xla") else model
    except StartError:
        raise
    except Exception as error:  # TensorFlow and Keras raise anything for a broken file
        raise StartError("SW1230", f"TensorFlow {tf.__version__} cannot load {path.name}: {error}") from error


def _ready(model: Model, config: Mapping[str, Any]) -> Model:
    """A model that XLA compiles, called with as few numbers of rows as possible: it compiles for each anew."""
    most = config["batching"]["max_batch_size"] if config["batching"] else 1
    return padded(model, signature_of(config), most)


def _saved_model(tf: Any, path: Path, config: Mapping[str, Any]) -> EagerModel:
    loaded = tf.saved_model.load(str(path), tags=config["load"].get("tags"))
    keys = list(loaded.signatures)
    key = config["load"].get("signature") or ("serving_default" if "serving_default" in keys or not keys else keys[0])
    if key not in keys:
        raise StartError("SW1230", f"the SavedModel has no signature {key!r}; it has {', '.join(keys) or 'none'}")
    signature = loaded.signatures[key]
    check_inputs(signature_of(config), list(signature.structured_input_signature[1]))

    def call(tensors: dict[str, Any]) -> dict[str, Any]:
        # By way of the model: a signature alone does not keep its variables alive.
        return dict(loaded.signatures[key](**tensors))

    if option(config, "xla"):
        specs = {spec.tensor: _spec_of(tf, spec) for spec in signature_of(config).inputs}
        call = tf.function(call, input_signature=[specs], **_jit(config))
    return EagerModel(tf, call, signature.variables, config)


def _keras(tf: Any, path: Path, config: Mapping[str, Any]) -> EagerModel:
    load = config["load"]
    model = tf.keras.models.load_model(str(path), compile=False, safe_mode=load.get("safe_mode", True))
    specs = signature_of(config).inputs
    structure = load.get("inputs") or ("single" if len(specs) == 1 else "list")
    tensor_specs = {spec.tensor: _spec_of(tf, spec, f"input_{i}") for i, spec in enumerate(specs)}
    names = [str(tensor.name) for tensor in model.inputs]
    ordered = names if structure == "list" and set(names) == set(tensor_specs) else list(tensor_specs)

    def arrange(tensors: dict[str, Any]) -> Any:
        if structure == "dict":
            return tensors
        return [tensors[name] for name in ordered] if structure == "list" else tensors[ordered[0]]

    # Traced once for all numbers of rows: a model that is called as it is runs layer by layer.
    function = tf.function(
        lambda inputs: model(inputs, training=False),
        input_signature=[arrange(tensor_specs)],
        **_jit(config),
    )

    def call(tensors: dict[str, Any]) -> dict[str, Any]:
        result = function(arrange(tensors))
        if isinstance(result, (list, tuple)):
            return dict(zip(_distinct(model.output_names), result))
        return flat(result)

    # Keras 3 wraps TensorFlow's variables, Keras 2 does not.
    variables = [weight if hasattr(weight, "device") else weight.value for weight in model.weights]
    return EagerModel(tf, call, variables, config)


def _checkpoint(tf: Any, path: Path, config: Mapping[str, Any]) -> SessionModel:
    v1 = tf.compat.v1
    load = config["load"]
    meta = load.get("meta") or only(path, "*.meta").name
    prefix = path / (load.get("prefix") or meta[: -len(".meta")])
    options = v1.ConfigProto(
        intra_op_parallelism_threads=threads(config),
        inter_op_parallelism_threads=threads(config),
        allow_soft_placement=True,
    )
    options.gpu_options.allow_growth = True
    graph = tf.Graph()
    with graph.as_default():
        saver = v1.train.import_meta_graph(str(path / meta), clear_devices=True)
        session = v1.Session(graph=graph, config=options)
        session.run([v1.local_variables_initializer(), v1.tables_initializer()])
        if saver is not None:  # None: a graph without variables
            saver.restore(session, str(prefix))
    return SessionModel(tf, session, config)


_LOADERS: dict[str, Callable[[Any, Path, Mapping[str, Any]], EagerModel | SessionModel]] = {
    "savedmodel": _saved_model,
    "keras": _keras,
    "h5": _keras,
    "checkpoint": _checkpoint,
}


def _kind(path: Path) -> str:
    """The format of a registered model, whose files nobody could look at before."""
    if path.is_dir():
        return "savedmodel" if (path / "saved_model.pb").is_file() else "checkpoint"
    with path.open("rb") as file:
        return "h5" if file.read(len(_HDF5_MAGIC)) == _HDF5_MAGIC else "keras"


def _configure(tf: Any, config: Mapping[str, Any]) -> None:
    """Threads, and GPU memory taken as needed. All of it must be said before TensorFlow first computes."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads(config))
        tf.config.threading.set_inter_op_parallelism_threads(threads(config))
        if config["gpu"] == "off":
            tf.config.set_visible_devices([], "GPU")
        for gpu in tf.config.get_visible_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:
        log.warning("TensorFlow was in use before the model was loaded: %s", error)


def _jit(config: Mapping[str, Any]) -> dict[str, bool]:
    """Arguments of ``tf.function``; before TensorFlow 2.5 it does not know this one."""
    return {"jit_compile": True} if option(config, "xla") else {}


def _spec_of(tf: Any, spec: TensorSpec, name: str | None = None) -> Any:
    return tf.TensorSpec(spec.shape, spec.dtype, name=name or spec.tensor)


def _tensor(tf: Any, array: Any, spec: TensorSpec) -> Any:
    if spec.dtype == "bfloat16":
        return tf.cast(tf.convert_to_tensor(array, tf.float32), tf.bfloat16)
    return tf.convert_to_tensor(array, spec.dtype)


def _array(tf: Any, tensor: Any) -> Any:
    return _plain((tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor).numpy())


def _plain(array: Any) -> Any:
    """The array as callers get it: TensorFlow's strings are bytes, and a single one is no array."""
    import numpy as np

    array = np.asarray(array, dtype=object) if isinstance(array, (bytes, str)) else np.asarray(array)
    return texts(array) if array.dtype == object else array


def _graph_tensor(graph: Any, spec: TensorSpec) -> Any:
    try:
        return graph.get_tensor_by_name(spec.tensor if ":" in spec.tensor else f"{spec.tensor}:0")
    except (KeyError, ValueError) as error:
        raise StartError("SW1230", f"the graph has no tensor {spec.tensor!r}") from error


def _placements(tf: Any, session: Any, fetches: list[Any], example: dict[Any, Any] | None) -> list[str]:
    """The devices of the operations that one call ran, variables left out where they alone are on it."""
    v1 = tf.compat.v1
    if example is None:
        return []
    metadata = v1.RunMetadata()
    options = v1.RunOptions(output_partition_graphs=True)
    try:
        session.run(fetches, example, options=options, run_metadata=metadata)
    except tf.errors.InvalidArgumentError as error:  # an open axis may need more than one entry
        log.debug("no call before the warm-up: %r", error)
        return []
    return [node.device for graph in metadata.partition_graphs for node in graph.node]


def _describe(tf: Any, devices: Iterable[str]) -> str:
    """``cuda:0 NAME`` if one of the devices is a GPU, else ``cpu``; without any, by an operation made up for it."""
    found = [device for device in devices if device] or [tf.linalg.matmul([[1.0]], [[1.0]]).device]
    on_gpu = next((device for device in found if "GPU:" in device), None)
    if on_gpu is None:
        return "cpu"
    index = int(on_gpu.rpartition(":")[2])
    details = tf.config.experimental.get_device_details(tf.config.get_visible_devices("GPU")[index])
    return f"cuda:{index} {details.get('device_name', '')}".strip()


def _distinct(names: Iterable[str]) -> list[str]:
    """Names with a number behind those that come again: one layer may be used for two outputs."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        count = seen[name] = seen.get(name, -1) + 1
        distinct.append(f"{name}_{count}" if count else name)
    return distinct
