"""Calls of models that are compiled for each number of rows, made with few numbers of rows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from scorewright_runtime.warmup import blank, rows_run_together, rows_stay_apart

if TYPE_CHECKING:
    from scorewright_runtime.types import Arrays, Model, Signature

log = logging.getLogger("azmlinfsrv.scorewright")


class Padded:
    """A model that is called with powers of two as numbers of rows. Further rows repeat the last; nobody sees them."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.device = model.device

    def predict(self, inputs: Arrays) -> Arrays:
        """See `Model`."""
        counts = {array.shape[0] for array in inputs.values()}
        rows = max(counts)
        extra = power_of_two(rows) - rows
        if not extra or len(counts) > 1:  # inputs that do not agree are the model's to refuse
            return self._model.predict(inputs)
        outputs = self._model.predict({name: _longer(array, extra) for name, array in inputs.items()})
        return {name: array[:rows] for name, array in outputs.items()}


def padded(model: Model, signature: Signature, most: int) -> Model:
    """The model `Padded`, called once with each number of rows that a batch of up to ``most`` may need.

    The model as it is where that cannot help: its rows are not answered each for itself, or other axes are open, too.
    Then every shape is compiled when it first comes. Raises what the model raises.
    """
    two = blank(signature, 2, 1)
    if not signature.batch or two is None:
        return model
    if any(None in (spec.shape or ())[1:] for spec in signature.inputs):
        log.warning("the signature leaves more than the rows open: the model is compiled anew for each shape")
        return model
    if not rows_run_together(model.predict(two), 2) or not rows_stay_apart(model, signature):
        log.warning("rows are not answered each for itself: the model is compiled anew for each number of rows")
        return model
    for exponent in range(2, power_of_two(most).bit_length()):
        model.predict(blank(signature, 1 << exponent, 1) or two)
    return Padded(model)


def power_of_two(number: int) -> int:
    """The least power of two that is not below a number; 0 for 0."""
    return 1 << (number - 1).bit_length() if number > 0 else 0


def _longer(array: np.ndarray, extra: int) -> np.ndarray:
    return np.concatenate([array, np.repeat(array[-1:], extra, axis=0)])
