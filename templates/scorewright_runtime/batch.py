"""Several requests as one call of the model, and the answers apart again."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .errors import RequestError
from .warmup import blank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .metrics import Metrics
    from .types import Arrays, Model, Signature


FAST = 0.001
"""Seconds that a fast call takes at most."""

_WORTH = 0.95
"""What a row may cost in a call with twice as many, compared with before, for those to be worth it."""


class Outcome(NamedTuple):
    """What the model said. ``batch``: the rows of the call that the request was part of."""

    outputs: Arrays
    batch: int


class Caller:
    """Calls the model, for one request or for several at a time.

    ``splits``: outputs have one entry per row, so that a call may serve several requests. ``pace``: a moving average of
    the seconds that a call takes; ``row_pace`` likewise for one row, in large calls. ``largest``: the most rows that a
    call has had; what more would take is not known.
    """

    def __init__(self, model: Model, signature: Signature, splits: bool, metrics: Metrics) -> None:
        self._model, self._signature, self._metrics = model, signature, metrics
        self._first = signature.inputs[0].name if signature.batch else None
        self.splits = splits
        self.pace = 0.0
        self.row_pace = 0.0
        self.largest = 1
        self._large = math.inf
        self._quick_rows: float | None = None  # where it was measured

    def quick(self, rows: int) -> bool:
        """Whether a call with that many rows takes so little that handing it to another thread would cost more.

        Where it was measured, that stands: under load a call also lasts as long as other threads interrupt it.
        """
        if self._quick_rows is None:
            return 0.0 < self.pace <= FAST
        return rows <= self._quick_rows

    def grow(self, most: int) -> int:
        """Learn the pace of calls with ever more rows, and up to how many of them it pays to run together.

        Rows are doubled while each costs notably less than before, at most to ``most``: a processor that is busy with
        one row gains nothing by more, but memory is lost and callers wait for each other. Every size that will be
        usual has been called then. ``most`` itself where the signature does not say what to call with.
        """
        self._large = most
        open_axes = any(spec.shape is None or None in spec.shape[1:] for spec in self._signature.inputs)
        if open_axes:
            return most
        rows, best = 0, math.inf
        for size in _sizes(most):
            pace = self._time(size, enough=size * best * _WORTH)
            if pace > size * best * _WORTH:
                break
            rows, best, self.pace = size, pace / size, pace
        self.row_pace, self.largest, self._large = best, rows, rows
        self._quick_rows = rows * FAST / self.pace if self.pace <= FAST else 0
        return rows

    def rows(self, inputs: Arrays) -> int:
        """The rows of a request; 1 where the model has no batch axis."""
        return 1 if self._first is None else inputs[self._first].shape[0]

    def kind(self, inputs: Arrays) -> object:
        """Equal for requests that may run together: all shapes but the batch axis are alike."""
        if len(inputs) == 1:
            return inputs[self._first].shape[1:] if self._first else None
        return tuple(array.shape[1:] for array in inputs.values())

    def one(self, inputs: Arrays) -> Outcome:
        """Run the model for one request. Raises whatever it raises."""
        rows = self.rows(inputs)
        began = time.perf_counter()
        outputs = self._model.predict(inputs)
        self._learn(rows, time.perf_counter() - began)
        return Outcome(outputs, rows)

    def several(self, requests: Sequence[Arrays]) -> list[Outcome | Exception]:
        """Run the model once for all requests, which are of one kind; one by one where that fails, so that a request
        that the model cannot take does not spoil the others."""
        if len(requests) > 1:
            try:
                return list(self._together(requests))
            except TimeoutError:
                raise
            except Exception:  # whichever request is to blame, each gets its own verdict below
                pass
        return [self._tried(inputs) for inputs in requests]

    def _together(self, requests: Sequence[Arrays]) -> list[Outcome]:
        stacked = {name: np.concatenate([inputs[name] for inputs in requests]) for name in requests[0]}
        outputs, total = self.one(stacked)
        if any(array.shape[:1] != (total,) for array in outputs.values()):
            raise ValueError("the outputs have not one entry per row")
        answers: list[Outcome] = []
        start = 0
        for inputs in requests:
            end = start + self.rows(inputs)
            answers.append(Outcome({name: array[start:end] for name, array in outputs.items()}, total))
            start = end
        return answers

    def _tried(self, inputs: Arrays) -> Outcome | Exception:
        try:
            return self.one(inputs)
        except (RequestError, TimeoutError) as error:
            return error
        except Exception as error:  # frameworks raise anything; the service translates it
            return error

    def _time(self, rows: int, enough: float) -> float:
        """The least seconds of a few calls with that many rows; slow calls are repeated only if they took too long."""
        inputs = blank(self._signature, rows, 1) or {}
        best = math.inf
        for count in range(6):
            began = time.perf_counter()
            self._model.predict(inputs)
            best = min(best, time.perf_counter() - began)
            if best > 20 * FAST and (best <= enough or count):
                break
        return best

    def _learn(self, rows: int, seconds: float) -> None:
        self._metrics.called(rows, seconds)
        self.pace = _towards(self.pace, seconds)
        cost = seconds / max(rows, 1)
        if rows > 2 * self.largest:
            self.row_pace = cost
        elif 2 * rows >= min(self.largest, self._large):  # in a small call each row bears more of what all calls take
            self.row_pace = _towards(self.row_pace, cost)
        self.largest = max(rows, self.largest)


def _sizes(most: int) -> list[int]:
    """1, 2, 4, and so on, and the most."""
    sizes = [1]
    while sizes[-1] < most:
        sizes.append(min(2 * sizes[-1], most))
    return sizes


def _towards(average: float, value: float) -> float:
    """The moved average; slow to rise, for a call that seems slow was often only interrupted."""
    weight = 1.0 if average == 0.0 else 0.05 if value > average else 0.3
    return average + weight * (value - average)
