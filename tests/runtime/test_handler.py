"""A user's hooks before and after the model."""

from __future__ import annotations

import json
import logging
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from tests.runtime.support import signature_of

from scorewright_runtime import Request, Service, StartError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = signature_of(x=("float32", [None, 2]))


@pytest.fixture
def handled(start: Callable[..., Service], tmp_path: Path) -> Callable[..., Service]:
    """Start a service with the given source as its handler."""

    def make(source: str, **changes: object) -> Service:
        (tmp_path / "handler.py").write_text(dedent(source))
        return start(ROWS, folder=tmp_path, handler="handler.py", **changes)

    return make


def test_preprocess_makes_inputs_of_any_body(handled: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = handled("""
        def preprocess(request, inputs):
            assert inputs == {}
            return {"x": [[float(cell) for cell in line.split(",")] for line in request.body.decode().splitlines()]}
    """)
    assert service.answer(post(b"1,2\n3,4\n", "text/csv")).body == b"[[2.0,4.0],[6.0,8.0]]"


def test_preprocess_gets_plain_values_of_json(handled: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = handled("""
        def preprocess(request, inputs):
            return {"x": [[len(text), 0] for text in inputs["x"]]}
    """)
    assert service.answer(post(b'{"data": ["four", "five5"]}')).body == b"[[8.0,0.0],[10.0,0.0]]"


def test_preprocess_may_leave_the_inputs(handled: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = handled("def preprocess(request, inputs): pass")
    assert service.answer(post(b'{"data": [[1, 2]]}')).body == b"[[2.0,4.0]]"


def test_what_preprocess_returns_is_checked(handled: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = handled("def preprocess(request, inputs): return {'x': [[1, 2, 3]]}")
    reply = service.answer(post(b'{"data": 1}'))
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (400, "SW1516")


def test_a_value_error_of_preprocess_refuses_the_request(
    handled: Callable[..., Service], post: Callable[..., Request]
) -> None:
    service = handled("def preprocess(request, inputs): raise ValueError('the text is too long')")
    reply = service.answer(post(b'{"data": 1}'))
    assert reply.status == 400
    assert json.loads(reply.body)["error"] == {"code": "SW1522", "message": "the text is too long", "input": None}


@pytest.mark.parametrize(
    "source",
    [
        "def preprocess(request, inputs): raise KeyError('oops')",
        "def preprocess(request, inputs): return 7",
        "def postprocess(outputs): raise ValueError('oops')",
        "def postprocess(outputs): return object()",
    ],
)
def test_a_failing_handler_is_a_500(
    source: str, handled: Callable[..., Service], post: Callable[..., Request], caplog: pytest.LogCaptureFixture
) -> None:
    reply = handled(source).answer(post(b'{"data": [[1, 2]]}'))
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (500, "SW1531")
    assert b"oops" not in reply.body
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_arrays_of_postprocess_are_answered_like_outputs(
    handled: Callable[..., Service], post: Callable[..., Request]
) -> None:
    service = handled("def postprocess(outputs): return {'y': -outputs['double_x']}", output="argmax")
    assert service.answer(post(b'{"data": [[1, 2]]}')).body == b"[0]"


def test_other_values_of_postprocess_are_answered_as_they_stand(
    handled: Callable[..., Service], post: Callable[..., Request]
) -> None:
    service = handled("""
        def postprocess(outputs):
            return {"best": outputs["double_x"].max(), "rows": (1, None, float("nan"), b"text")}
    """)
    assert json.loads(service.answer(post(b'{"data": [[1, 2]]}')).body) == {
        "best": 4.0,
        "rows": [1, None, None, "text"],
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "neither preprocess nor postprocess"),
        ("preprocess = 3", "preprocess in the handler handler.py is no function"),
        ("import no_such_module", "no_such_module"),
    ],
)
def test_handlers_that_cannot_work_stop_the_start(source: str, message: str, handled: Callable[..., Service]) -> None:
    with pytest.raises(StartError, match="SW1503") as caught:
        handled(source)
    assert message in str(caught.value)


def test_a_handler_that_is_not_in_the_bundle(start: Callable[..., Service], tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"SW1503.*not in the bundle"):
        start(ROWS, folder=tmp_path, handler="nobody.py")
