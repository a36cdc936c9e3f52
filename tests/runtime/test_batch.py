"""How many rows run together: as many as the deploy file allows, and as pays."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.runtime.support import Doubler, signature_of

from scorewright_runtime.batch import Caller
from scorewright_runtime.metrics import Metrics

if TYPE_CHECKING:
    from scorewright_runtime import Arrays

ROWS = signature_of(x=("float32", [None, 4]))


class Timed(Doubler):
    """A model whose calls take some time, and some more for each row."""

    def __init__(self, call: float, row: float) -> None:
        self.call, self.row = call, row
        self.seen: list[int] = []

    def predict(self, inputs: Arrays) -> Arrays:
        """Double the inputs, in time."""
        rows = inputs["x"].shape[0]
        self.seen.append(rows)
        time.sleep(self.call + rows * self.row)
        return super().predict(inputs)


def caller(model: Doubler) -> Caller:
    """A caller of the model, whose rows are apart."""
    return Caller(model, ROWS, True, Metrics())


@pytest.mark.parametrize(("most", "sizes"), [(1, [1]), (12, [1, 2, 4, 8, 12])])
def test_rows_are_doubled_while_that_makes_each_cheaper(most: int, sizes: list[int]) -> None:
    model = Timed(call=0.03, row=0.0)
    assert caller(model).grow(most) == most
    assert list(dict.fromkeys(model.seen)) == sizes


def test_rows_that_cost_the_same_together_stay_alone() -> None:
    model = Timed(call=0.0, row=0.03)
    assert caller(model).grow(32) == 1
    assert max(model.seen) == 2


def test_what_was_measured_quick_stays_quick_under_load() -> None:
    model = Timed(call=0.0, row=0.0)
    grown = caller(model)
    grown.grow(1)
    model.call = 0.03  # what a call seems to take while others have the processor
    grown.one({"x": np.zeros((1, 4), np.float32)})
    assert grown.quick(1)
    assert not grown.quick(1_000_000)


def test_a_model_with_open_axes_is_believed_what_the_deploy_file_says() -> None:
    model = Timed(call=0.0, row=0.0)
    assert Caller(model, signature_of(x=("float32", [None, None])), True, Metrics()).grow(16) == 16
    assert model.seen == []
