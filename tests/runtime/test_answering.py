"""Answers come in the form of the question."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.runtime.support import signature_of

from scorewright_runtime import Arrays, Request, Service, StartError
from scorewright_runtime.answering import Classes, softmax

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = signature_of(x=("float32", [None, 4]))
TWO = signature_of(a=("float32", [None, 2]), b=("int64", [None]))
BODY = b'{"data": [[1, 2, 4, 4], [0, 0, 0, 1]]}'


class Fixed:
    """A model that answers with the same outputs, whatever it is asked, cut to the rows asked for."""

    device = "cpu"

    def __init__(self, **outputs: np.ndarray) -> None:
        self.outputs = outputs

    def predict(self, inputs: Arrays) -> Arrays:
        """The outputs, one row for each of the inputs'."""
        rows = next(iter(inputs.values())).shape[0]
        return {name: np.resize(array, (rows, *array.shape[1:])) for name, array in self.outputs.items()}


def answer(service: Service, request: Request) -> Any:  # noqa: ANN401 - decoded JSON
    """The decoded JSON of a good reply."""
    reply = service.answer(request)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/json"
    return json.loads(reply.body)


def test_data_is_answered_with_the_bare_rows(digits: Service, post: Callable[..., Request]) -> None:
    assert answer(digits, post(BODY)) == [[2, 4, 8, 8], [0, 0, 0, 2]]


def test_inputs_are_answered_with_outputs(digits: Service, post: Callable[..., Request]) -> None:
    assert answer(digits, post(b'{"inputs": {"x": [[1, 2, 3, 4]]}}')) == {"outputs": {"double_x": [[2, 4, 6, 8]]}}


def test_several_outputs_are_answered_by_name(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    model = Fixed(double_x=np.ones((1, 4), np.float32), extra=np.array([7]))
    assert answer(start(ROWS, model, outputs=["extra", "double_x"]), post(b'{"data": [[1, 2, 3, 4]]}')) == {
        "extra": [7],
        "double_x": [[1, 1, 1, 1]],
    }


def test_outputs_are_chosen(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = start(TWO, outputs=["double_b"])
    assert answer(service, post(b'{"inputs": {"a": [[1, 2]], "b": [3]}}')) == {"outputs": {"double_b": [6]}}


def test_float32_values_are_those_of_tolist(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    values = np.array([[0.1, 1e-30, 123456.79, 3e38]], np.float32)
    service = start(ROWS, Fixed(double_x=values))
    assert answer(service, post(b'{"data": [[1, 2, 3, 4]]}')) == values.tolist()


def test_nan_and_infinity_become_null_in_json_and_stay_in_npy(
    start: Callable[..., Service], post: Callable[..., Request], parser: str
) -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 1]], np.float32)
    service = start(ROWS, Fixed(double_x=values))
    body = b'{"data": [[1, 2, 3, 4]]}'
    assert answer(service, post(body)) == [[None, None, None, 1.0]]
    reply = service.answer(post(body, accept="application/x-npy"))
    assert reply.headers["content-type"] == "application/x-npy"
    np.testing.assert_array_equal(np.load(io.BytesIO(reply.body)), values)


def test_npz_is_answered_where_accept_prefers_it(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = start(TWO)
    body = b'{"inputs": {"a": [[1, 2]], "b": [3]}}'
    reply = service.answer(post(body, accept="application/json;q=0.5, application/x-npz"))
    arrays = np.load(io.BytesIO(reply.body))
    assert {name: arrays[name].tolist() for name in arrays} == {"double_a": [[2, 4]], "double_b": [6]}
    assert json.loads(service.answer(post(body, accept="*/*, application/x-npz;q=0.5")).body)["outputs"]
    refused = service.answer(post(body, accept="application/x-npy"))
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (400, "SW1513")


def test_strings_survive_every_form(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = start(signature_of(x=("string", [None])))
    body = '{"data": ["grün", ""]}'.encode()
    assert answer(service, post(body)) == ["grüngrün", ""]
    reply = service.answer(post(body, accept="application/x-npy"))
    assert np.load(io.BytesIO(reply.body)).tolist() == ["grüngrün", ""]


def test_v2_json(digits: Service, post: Callable[..., Request]) -> None:
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    assert answer(digits, post(json.dumps({"id": "abc", "inputs": [tensor]}).encode())) == {
        "model_name": "digits",
        "model_version": "3",
        "id": "abc",
        "outputs": [{"name": "double_x", "shape": [1, 4], "datatype": "FP32", "data": [2, 4, 6, 8]}],
    }


def test_v2_binary_where_asked(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = start(TWO)
    tensors = [
        {"name": "a", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]},
        {"name": "b", "shape": [1], "datatype": "INT64", "data": [3]},
    ]
    outputs = [{"name": "double_b", "parameters": {"binary_data": False}}, {"name": "double_a"}]
    request = {"inputs": tensors, "outputs": outputs, "parameters": {"binary_data_output": True}}
    reply = service.answer(post(json.dumps(request).encode()))
    length = int(reply.headers["inference-header-content-length"])
    head = json.loads(reply.body[:length])
    assert [output["name"] for output in head["outputs"]] == ["double_b", "double_a"]
    assert head["outputs"][0]["data"] == [6]
    assert head["outputs"][1]["parameters"] == {"binary_data_size": 8}
    assert np.frombuffer(reply.body[length:], "<f4").tolist() == [2, 4]


def test_argmax(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = start(ROWS, output="argmax")
    assert answer(service, post(BODY)) == [2, 3]
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 9]}
    outputs = answer(service, post(json.dumps({"inputs": [tensor]}).encode()))["outputs"]
    assert outputs == [{"name": "double_x", "shape": [1], "datatype": "INT64", "data": [3]}]


def test_top_k_with_labels_and_softmax(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    output = {"top_k": 2, "softmax": True, "labels": ["zero", "one", "two", "three"]}
    service = start(ROWS, output=output)
    rows = answer(service, post(BODY))
    assert [[entry["label"] for entry in row] for row in rows] == [["two", "three"], ["three", "zero"]]
    assert rows[0][0]["score"] == rows[0][1]["score"] < 0.5
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 9]}
    v2 = answer(service, post(json.dumps({"inputs": [tensor]}).encode()))["outputs"]
    assert [(entry["name"], entry["datatype"]) for entry in v2] == [
        ("double_x.index", "INT64"),
        ("double_x.score", "FP32"),
        ("double_x.label", "BYTES"),
    ]


def test_top_k_of_more_classes_than_there_are() -> None:
    assert len(Classes({"top_k": 9}).rows(np.zeros((1, 3)))[0]) == 3


def test_too_few_labels_stop_the_start(start: Callable[..., Service]) -> None:
    with pytest.raises(StartError, match=r"SW1506.*`labels` has 1 lines"):
        start(ROWS, output={"top_k": 1, "labels": ["only"]})


SCORES = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=3, max_side=6), elements=st.floats(-1e3, 1e3))


@given(scores=SCORES)
def test_top_k_is_sorted_and_keeps_the_order_of_equals(scores: np.ndarray) -> None:
    index, score = Classes({"top_k": 4})._best(scores)
    expected = np.array(
        [sorted(range(len(row)), key=lambda i: -row[i])[:4] for row in scores.reshape(-1, scores.shape[-1])]
    )
    assert index.reshape(expected.shape).tolist() == expected.tolist()
    assert (np.diff(score, axis=-1) <= 0).all()


@given(scores=SCORES)
def test_softmax_adds_up_to_one(scores: np.ndarray) -> None:
    np.testing.assert_allclose(softmax(scores * 1e5).sum(axis=-1), 1.0)


@given(scores=hnp.arrays(np.float32, (3, 5), elements=st.floats(width=32)))
def test_nan_never_wins(scores: np.ndarray) -> None:
    for row, best in zip(scores, Classes("argmax").rows(scores), strict=True):
        numbers = row[~np.isnan(row)]
        assert numbers.size == 0 or row[best] == numbers.max()
