"""Two answers agree within a tolerance, and the first place where they do not is named."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorewright.answers import difference, misshapen
from scorewright.signature import TensorSpec

if TYPE_CHECKING:
    from scorewright.findings import Json

ROWS = TensorSpec("y", "float32", (None, 2))
LABEL = TensorSpec("label", "int64", (None,))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_an_answer_agrees_with_itself(answer: Json) -> None:
    assert difference(answer, answer) is None


@given(st.floats(-1e6, 1e6), st.floats(-1, 1))
def test_numbers_agree_within_the_tolerance(number: float, share: float) -> None:
    allowed = 1e-4 + 1e-4 * abs(number)
    assert difference([number], [number + share * allowed * 0.99]) is None
    assert difference([number], [number + allowed * 1.01]) is not None


@pytest.mark.parametrize(
    ("expected", "got", "place"),
    [
        ([[1.0, 2.0]], [[1.0, 2.5]], "at $[0][1]: expected 2.0, got 2.5"),
        ({"outputs": {"y": [1]}}, {"outputs": {"y": [3]}}, "at $.outputs.y[0]: expected 1, got 3"),
        ([1, 2], [1], "at $: expected 2 items, got 1"),
        ({"a": 1}, {"b": 1}, "at $: expected the keys ['a'], got ['b']"),
        ([1], {"a": 1}, 'at $: expected [1], got {"a": 1}'),
        (1, True, "at $: expected 1, got true"),
        ("1", 1, 'at $: expected "1", got 1'),
        (math.nan, 0.0, "at $: expected NaN, got 0.0"),
        (0.0, math.nan, "at $: expected 0.0, got NaN"),
        (math.inf, -math.inf, "at $: expected Infinity, got -Infinity"),
        (1e308, math.inf, "at $: expected 1e+308, got Infinity"),
        (math.inf, 1e308, "at $: expected Infinity, got 1e+308"),
        (0, 10**400, f"at $: expected 0, got 1{'0' * 76}..."),
        (None, 0, "at $: expected null, got 0"),
    ],
)
def test_the_first_difference_is_named_with_both_values(expected: Json, got: Json, place: str) -> None:
    assert difference(expected, got) == place


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_numbers_without_a_size_equal_themselves(value: float) -> None:
    assert difference([value], [value]) is None


@pytest.mark.parametrize(
    "answer",
    [
        [[1.0, 2.0], [3.0, 4.0]],
        {"outputs": {"y": [[1.0, 2.0]]}},
        {"model_name": "m", "outputs": [{"name": "y", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.0]}]},
    ],
)
def test_each_form_of_answer_is_understood(answer: Json) -> None:
    assert misshapen(answer, (ROWS,)) is None


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ([[1.0]], "at $: expected the shape ['any', 2], got [1, 1]"),
        ([1.0, 2.0], "at $: expected the shape ['any', 2], got [2]"),
        ({"outputs": {"y": [[1.0, 2.0, 3.0]]}}, "at $.outputs.y: expected the shape ['any', 2], got [1, 3]"),
        ({"outputs": [{"name": "y", "shape": [2]}]}, "at $.outputs[0]: expected the shape ['any', 2], got [2]"),
        ({"outputs": {"z": []}}, 'at $: expected the outputs y, got {"outputs": {"z": []}}'),
        ({"error": {}}, 'at $: expected the outputs y, got {"error": {}}'),
        ("[[1, 2]]", 'at $: expected the outputs y, got "[[1, 2]]"'),
        (None, "at $: expected the outputs y, got null"),
    ],
)
def test_names_and_shapes_that_are_wrong_are_named(answer: Json, problem: str) -> None:
    assert misshapen(answer, (ROWS,)) == problem


def test_several_outputs_must_all_be_there() -> None:
    assert misshapen({"outputs": {"y": [[1, 2]], "label": [1]}}, (ROWS, LABEL)) is None
    assert "expected the outputs y, label" in str(misshapen({"outputs": {"y": [[1, 2]]}}, (ROWS, LABEL)))
    assert "expected the outputs y, label" in str(misshapen([[1, 2]], (ROWS, LABEL)))


def test_an_open_rank_and_no_promise_take_anything() -> None:
    assert misshapen([[[1]]], (TensorSpec("y", "float32", None),)) is None
    assert misshapen("anything", None) is None


@given(JSON)
def test_no_answer_makes_it_raise(answer: Json) -> None:
    misshapen(answer, (ROWS, LABEL))
    misshapen({"outputs": answer}, (ROWS,))
    difference({"outputs": [1.0]}, answer)
