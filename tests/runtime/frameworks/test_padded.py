"""A model that is compiled for each number of rows is called with few of them, and answers the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.runtime.support import signature_of

from scorewright_runtime.frameworks.padded import Padded, padded, power_of_two

if TYPE_CHECKING:
    from scorewright_runtime import Arrays, Signature

SIGNATURE = signature_of(x=("float32", [None, 2]))


class Rows:
    """Sums each row, and remembers how many rows it was called with."""

    device = "cpu"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def predict(self, inputs: Arrays) -> Arrays:
        """See `Model`."""
        self.calls.append(len(inputs["x"]))
        return {"y": self.answer(inputs["x"])}

    def answer(self, x: np.ndarray) -> np.ndarray:
        """The answer for some rows."""
        return np.asarray(x.sum(axis=1))


class Together(Rows):
    """Divides each row by the sum of all."""

    def answer(self, x: np.ndarray) -> np.ndarray:
        """The answer for some rows."""
        return np.asarray(x / (1 + x.sum()))


class Whole(Rows):
    """Answers with one number for all rows."""

    def answer(self, x: np.ndarray) -> np.ndarray:
        """The answer for some rows."""
        return np.asarray(x.mean())


@pytest.mark.parametrize(("rows", "called"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8), (33, 64), (0, 0)])
def test_calls_have_powers_of_two_rows_and_answers_as_many_as_asked(rows: int, called: int) -> None:
    model, x = Rows(), np.random.default_rng(0).random((rows, 2))
    outputs = Padded(model).predict({"x": x})
    assert model.calls == [called] == [power_of_two(rows)]
    assert np.array_equal(outputs["y"], x.sum(axis=1))


@pytest.mark.parametrize(
    ("most", "expected"), [(1, {1, 2}), (32, {1, 2, 4, 8, 16, 32}), (40, {1, 2, 4, 8, 16, 32, 64})]
)
def test_every_number_of_rows_that_a_batch_needs_is_called_before(most: int, expected: set[int]) -> None:
    model = Rows()
    assert isinstance(padded(model, SIGNATURE, most), Padded)
    assert set(model.calls) == expected


@pytest.mark.parametrize(
    ("model", "signature"),
    [
        (Together(), SIGNATURE),
        (Whole(), SIGNATURE),
        (Rows(), signature_of(x=("float32", [None, None]))),
        (Rows(), signature_of(batch=False, x=("float32", [4, 2]))),
    ],
)
def test_rows_that_need_each_other_are_not_padded(model: Rows, signature: Signature) -> None:
    assert padded(model, signature, 8) is model


def test_inputs_that_do_not_agree_are_left_to_the_model() -> None:
    model = Rows()
    Padded(model).predict({"x": np.zeros((3, 2)), "z": np.zeros((2, 2))})
    assert model.calls == [3]
