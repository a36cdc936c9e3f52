"""Small real models of every TensorFlow format."""

# ruff: noqa: ANN401 - TensorFlow has no types

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def make_all(folder: Path) -> Path:
    """Every model below ``folder``, under the names that the tests use."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(0)
    _saved_models(tf, folder)
    _keras_models(tf, folder)
    _checkpoint(tf, folder / "checkpoint")
    _modes(tf, folder / "modes")
    return folder


def _saved_models(tf: Any, folder: Path) -> None:
    class Dense(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.weights = tf.Variable(np.arange(12, dtype=np.float32).reshape(4, 3))

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])  # type: ignore[untyped-decorator]
        def serve(self, x: Any) -> Any:
            scores = x @ self.weights
            return {"scores": scores, "best": tf.argmax(scores, 1)}

    class Kinds(tf.Module):  # type: ignore[misc]
        """Every dtype there and back, and a fixed number of rows."""

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[
                tf.TensorSpec([2], tf.string, name="text"),
                tf.TensorSpec([2], tf.uint8, name="byte"),
                tf.TensorSpec([2], tf.bool, name="flag"),
                tf.TensorSpec([2], tf.float16, name="half"),
                tf.TensorSpec([2], tf.bfloat16, name="brain"),
                tf.TensorSpec([2], tf.int64, name="number"),
            ]
        )
        def serve(self, text: Any, byte: Any, flag: Any, half: Any, brain: Any, number: Any) -> Any:
            return {
                "text": tf.strings.join([text, text]),
                "byte": byte + byte,
                "flag": tf.logical_not(flag),
                "half": half * 2,
                "brain": brain * 2,
                "number": number - 1,
            }

    class Lookup(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="word")])  # type: ignore[untyped-decorator]
        def serve(self, word: Any) -> Any:
            return {"vector": tf.gather(tf.constant([[1.0], [2.0]]), word)}

    class Unsigned(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.weights = tf.Variable([1.0])

    dense = Dense()
    tf.saved_model.save(dense, str(folder / "savedmodel"), signatures=dense.serve)
    tf.saved_model.save(dense, str(folder / "two_signatures"), signatures={"first": dense.serve, "second": dense.serve})
    tf.saved_model.save(Kinds(), str(folder / "kinds"), signatures=Kinds().serve)
    lookup = Lookup()
    tf.saved_model.save(lookup, str(folder / "lookup"), signatures=lookup.serve)
    tf.saved_model.save(Unsigned(), str(folder / "unsigned"))


def _keras_models(tf: Any, folder: Path) -> None:
    keras = tf.keras
    x = keras.Input((4,), name="x")
    hidden = keras.layers.Dense(5, activation="relu", name="hidden")(x)
    single = keras.Model(x, keras.layers.Dense(3, name="scores")(keras.layers.Dropout(0.5)(hidden)))
    sequential = keras.Sequential(
        [keras.Input((2, 3)), keras.layers.Flatten(), keras.layers.LayerNormalization(), keras.layers.Dense(2)]
    )
    a, b = keras.Input((4,), name="left"), keras.Input((2,), name="right", dtype="int32")
    p, q = keras.layers.Dense(3, name="p")(a), keras.layers.Embedding(5, 3, name="q")(b)
    one = keras.Input((4,), name="only")
    shared = keras.layers.Dense(2, name="shared")
    models = {
        "single": single,
        "sequential": sequential,
        "dict": keras.Model({"left": a, "right": b}, {"first": p, "second": q}),
        "list": keras.Model([b, a], [q, p]),
        "shared": keras.Model(one, [shared(one), shared(one * 2.0)]),
    }
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    for name in ("single", "sequential", "dict"):
        models[name].save(folder / f"{name}.h5")
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)]).save(folder / "lambda.keras")
    single.save_weights(folder / "only.weights.h5")
    single.export(folder / "exported", verbose=False)

    class Custom(tf.keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return inputs

    keras.Sequential([keras.Input((4,)), Custom()]).save(folder / "custom.keras")


def _checkpoint(tf: Any, folder: Path) -> None:
    """A training graph: features, labels, dropout, loss, accuracy, optimiser, saver."""
    v1 = tf.compat.v1
    folder.mkdir()
    graph = tf.Graph()
    with graph.as_default():
        v1.set_random_seed(0)
        features = v1.placeholder(tf.float32, [None, 6], name="network/X")
        labels = v1.placeholder(tf.int64, [None], name="network/y")
        keep = v1.placeholder_with_default(1.0, [], name="network/keep")
        weights = v1.get_variable("weights", [6, 4])
        hidden = tf.nn.dropout(tf.nn.relu(features @ weights), rate=1 - keep)
        last = v1.get_variable("last", [4, 3])
        logits = tf.matmul(hidden, last, name="network/output/MatMul")
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        loss = tf.reduce_mean(losses, name="train/loss")
        v1.train.GradientDescentOptimizer(0.1).minimize(loss)
        tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), labels), tf.float32), name="eval/accuracy")
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver().save(session, str(folder / "network.ckpt"))


def _modes(tf: Any, folder: Path) -> None:
    """A graph that trains unless it is told not to: a switch with that default, another and a share without one."""
    v1 = tf.compat.v1
    folder.mkdir()
    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        training = v1.placeholder_with_default(True, [], name="net/is_training")
        phase = v1.placeholder(tf.bool, [], name="net/phase_train")
        keep = v1.placeholder(tf.float32, [], name="keep_prob")
        weights = v1.get_variable("weights", [2], initializer=v1.ones_initializer())
        noise = tf.where(training | phase, 100.0, 0.0)
        tf.add(x * weights * keep, noise, name="scores")
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver().save(session, str(folder / "net.ckpt"))
