"""The model's outputs to a reply, in the form in which the request came.

``{"data": …}`` is answered with the bare rows; where a model has several outputs, with rows by output name.
``{"inputs": …}`` is answered with ``{"outputs": {name: rows}}``, V2 with V2, and npy, npz or both forms with npy or npz
where ``Accept`` prefers it. JSON has no NaN and no infinity: they become null; the binary forms keep them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import accelerate, npy, v2
from .errors import BadRequest
from .plain import plain, plain_list
from .types import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .parsing import Asked
    from .types import Arrays, Model

_JSON = {"content-type": "application/json"}


class Classes:
    """``output:`` of the deploy file: what becomes of each output before it is answered.

    ``raw`` leaves it. ``argmax`` is the index of the largest score along the last axis. ``top_k`` lists the best
    classes, best first, each as index, score and, where labels are given, label. Of equal scores the first class wins;
    NaN loses to everything. ``softmax`` turns scores into probabilities first.
    """

    def __init__(self, output: str | Mapping[str, Any]) -> None:
        self.mode = output if isinstance(output, str) else "top_k"
        options: Mapping[str, Any] = {} if isinstance(output, str) else output
        self.k = int(options.get("top_k", 1))
        self.softmax = bool(options.get("softmax", False))
        self.labels: list[str] | None = options.get("labels")

    def names(self, outputs: list[str]) -> list[str]:
        """The names of the arrays that `arrays` makes of these outputs."""
        if self.mode != "top_k":
            return outputs
        parts = ["index", "score"] + (["label"] if self.labels else [])
        return [f"{name}.{part}" for name in outputs for part in parts]

    def arrays(self, outputs: Arrays) -> Arrays:
        """The outputs as arrays; for ``top_k`` three of them: ``NAME.index``, ``NAME.score``, ``NAME.label``."""
        if self.mode == "raw":
            return outputs
        if self.mode == "argmax":
            return {name: _scores(array).argmax(axis=-1) for name, array in outputs.items()}
        result: Arrays = {}
        for name, array in outputs.items():
            index, score = self._best(array)
            result[f"{name}.index"], result[f"{name}.score"] = index, score
            if self.labels:
                result[f"{name}.label"] = np.array(self.labels, dtype=object)[index]
        return result

    def rows(self, array: np.ndarray) -> Any:
        """One output as the JSON rows of the ``data`` and ``inputs`` forms."""
        if self.mode == "raw":
            return plain_list(array)
        if self.mode == "argmax":
            return _scores(array).argmax(axis=-1).tolist()
        index, score = self._best(array)
        return self._entries(index.tolist(), plain_list(score))

    def _best(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Indices and scores of the best classes, best first."""
        values = softmax(array) if self.softmax else array
        last = array.shape[-1] - 1
        # A stable ascending sort of the reversed scores, read backwards: descending, the first of equals first.
        order = last - np.argsort(_scores(values)[..., ::-1], axis=-1, kind="stable")[..., ::-1]
        index = order[..., : self.k]
        return index, np.take_along_axis(values, index, axis=-1)

    def _entries(self, index: Any, score: Any) -> Any:
        if isinstance(index, list):
            return [self._entries(i, s) for i, s in zip(index, score)]
        entry = {"index": index, "score": score}
        return {**entry, "label": self.labels[index]} if self.labels else entry


class Classifier:
    """A model that answers classes in place of scores: those of all rows of a call at once, not request by request.

    ``names``: the outputs to answer, which have scores along their last of several axes.
    """

    def __init__(self, model: Model, names: Sequence[str]) -> None:
        self._model, self._names = model, names
        self.device = model.device

    def predict(self, inputs: Arrays) -> Arrays:
        """See `Model`."""
        outputs = self._model.predict(inputs)
        return {name: _scores(outputs[name]).argmax(axis=-1) for name in self._names}


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis, in the scores' own float dtype; safe for scores of any size."""
    values = scores.astype(np.float64)
    values = np.exp(values - values.max(axis=-1, keepdims=True))
    values /= values.sum(axis=-1, keepdims=True)
    probabilities: np.ndarray = values.astype(scores.dtype if scores.dtype.kind == "f" else np.float64)
    return probabilities


def encode(outputs: Arrays, asked: Asked, classes: Classes, model: str, version: str) -> Reply:
    """The reply to a request, without the headers that are the service's. ``model``, ``version``: for V2.

    Raises `BadRequest` (SW1518) where a V2 request asks for an output that is not there.
    """
    if asked.form == "v2":
        arrays = classes.arrays(outputs)
        for name, _ in asked.v2.outputs or ():
            if name not in arrays:
                raise BadRequest("SW1518", f"there is no output {name[:80]!r}; there are {', '.join(arrays)}")
        body, headers = v2.write(arrays, asked.v2, model, version)
        return Reply(200, headers, body)
    if asked.array:
        arrays = classes.arrays(outputs)
        if asked.array == "npy" and len(arrays) == 1:
            body = npy.write_npy(next(iter(arrays.values())))
            return Reply(200, {"content-type": "application/x-npy"}, body)
        return Reply(200, {"content-type": "application/x-npz"}, npy.write_npz(arrays))
    rows = {name: classes.rows(array) for name, array in outputs.items()}
    if asked.form == "inputs":
        return Reply(200, _JSON, accelerate.dumps({"outputs": rows}))
    return Reply(200, _JSON, accelerate.dumps(next(iter(rows.values())) if len(rows) == 1 else rows))


def encode_value(value: object) -> Reply:
    """The reply to a request that a handler's ``postprocess`` answered itself. Raises `TypeError` for no JSON."""
    return Reply(200, _JSON, accelerate.dumps(plain(value)))


def encode_error(status: int, code: str, message: str, input: str | None = None) -> Reply:
    """``{"error": {"code", "message", "input"}}``."""
    error = {"code": code, "message": _encodable(message), "input": None if input is None else _encodable(input)}
    return Reply(status, _JSON, accelerate.dumps({"error": error}))


def _encodable(text: str) -> str:
    """Text without halves of surrogate pairs, which a caller's JSON can bring in and UTF-8 cannot say."""
    return text.encode("utf-8", "backslashreplace").decode()


def _scores(array: np.ndarray) -> np.ndarray:
    """Scores as they are compared: NaN is below everything."""
    if array.dtype.kind not in "biuf":
        array = array.astype(np.float64)
    if array.dtype.kind == "f" and array.size and math.isnan(np.maximum.reduce(array, axis=None)):
        array = np.where(np.isnan(array), -np.inf, array)
    return array
