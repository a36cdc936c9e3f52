"""A service starts with a proof, answers everything, and says where and in which batch."""

from __future__ import annotations

import ast
import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.runtime.support import Doubler, config_of, signature_of

from scorewright_runtime import Arrays, BadRequest, GpuUnavailable, Request, Service, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ROWS = signature_of(x=("float32", [None, 4]))
BODY = b'{"data": [[1, 2, 3, 4], [5, 6, 7, 8]]}'


class Failing(Doubler):
    """Fails with the given exception on all but the zeros of the warm-up."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception = error

    def predict(self, inputs: Arrays) -> Arrays:
        """Fail, but for the warm-up."""
        if inputs["x"].any():
            raise self.error
        return super().predict(inputs)


def code_of(service: Service, request: Request) -> tuple[int, str]:
    """Status and error code of a reply."""
    reply = service.answer(request)
    return reply.status, json.loads(reply.body)["error"]["code"]


def test_headers_tell_device_model_and_batch(digits: Service, post: Callable[..., Request]) -> None:
    headers = digits.answer(post(BODY)).headers
    assert headers["x-scorewright-device"] == "cpu"
    assert headers["x-scorewright-model"] == "digits:3"
    assert headers["x-scorewright-batch"] == "2"


def test_refusals_carry_the_headers_too(digits: Service, post: Callable[..., Request]) -> None:
    assert digits.answer(post(b"")).headers["x-scorewright-model"] == "digits:3"


@pytest.mark.parametrize(("method", "status"), [("GET", 405), ("PUT", 405), ("HEAD", 405), ("OPTIONS", 200)])
def test_only_post_is_answered(digits: Service, method: str, status: int) -> None:
    reply = digits.answer(Request(method, {}, b""))
    assert reply.status == status
    assert "POST" in reply.headers["allow"]


def test_a_failing_model_is_a_500_without_its_traceback(
    start: Callable[..., Service], post: Callable[..., Request], caplog: pytest.LogCaptureFixture
) -> None:
    service = start(ROWS, Failing(ZeroDivisionError("secret reason")))
    reply = service.answer(post(BODY))
    assert reply.status == 500
    assert b"secret" not in reply.body
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [True]
    assert "secret reason" in caplog.text


def test_a_model_may_refuse_values(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    service = start(ROWS, Failing(BadRequest("SW1517", "x must be sorted", "x")))
    assert code_of(service, post(BODY)) == (400, "SW1517")


def test_the_servers_time_out_is_a_504(start: Callable[..., Service], post: Callable[..., Request]) -> None:
    assert code_of(start(ROWS, Failing(TimeoutError())), post(BODY)) == (504, "SW1532")


def test_the_model_is_called_before_any_caller_waits(start: Callable[..., Service]) -> None:
    shapes: list[tuple[int, ...]] = []

    class Recording(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            shapes.append(inputs["x"].shape)
            return super().predict(inputs)

    start(ROWS, Recording(), batching={"max_batch_size": 16, "max_delay_ms": 2})
    assert shapes[:3] == [(2, 4), (3, 4), (1, 4)]


def test_a_model_that_fails_on_its_own_signature_stops_the_start(start: Callable[..., Service]) -> None:
    class Broken(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            raise RuntimeError("missing op")

    with pytest.raises(StartError, match=r"SW1504.*missing op"):
        start(ROWS, Broken())


def test_what_stops_the_start_is_told_in_plain_words(start: Callable[..., Service]) -> None:
    class Choosy(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            raise BadRequest("SW1231", "the model cannot take these values")

    with pytest.raises(StartError, match=r"signature: the model cannot take these values$"):
        start(ROWS, Choosy())


def test_outputs_of_other_names_stop_the_start_as_such(start: Callable[..., Service]) -> None:
    class Renamed(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            raise StartError("SW1230", "the model returns sum")

    with pytest.raises(StartError, match=r"^SW1230: the model returns sum$"):
        start(signature_of(x=("float32", [None, None])), Renamed())


@pytest.mark.parametrize(("apart", "together"), [(True, True), (False, False)])
def test_rows_that_influence_each_other_never_run_together(
    start: Callable[..., Service], caplog: pytest.LogCaptureFixture, apart: bool, together: bool
) -> None:
    class Scaled(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            most = np.abs(inputs["x"]).max(axis=1 if apart else None, keepdims=True)
            return super().predict({"x": np.round(inputs["x"] / (most + 1) * 127)})

    service = start(ROWS, Scaled(), batching={"max_batch_size": 8, "max_delay_ms": 1})
    assert ("never batched" not in caplog.text) is together
    assert service.caller.splits is together


def test_open_axes_are_guessed(start: Callable[..., Service], caplog: pytest.LogCaptureFixture) -> None:
    class AtLeast32(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            if inputs["x"].shape[1] < 32:
                raise ValueError("too small")
            return super().predict(inputs)

    start(signature_of(x=("float32", [None, None])), AtLeast32())
    assert "not warmed up" not in caplog.text


def test_a_missing_output_stops_the_start(start: Callable[..., Service]) -> None:
    with pytest.raises(StartError, match=r"SW1505.*'scores'.*'double_x'"):
        start(ROWS, outputs=["scores"])


def test_outputs_without_a_row_each_are_never_split(start: Callable[..., Service]) -> None:
    class Sum(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            return {"double_x": inputs["x"].sum(axis=0)}

    assert start(ROWS).caller.splits
    assert not start(ROWS, Sum()).caller.splits


def test_a_required_gpu_that_is_not_there_stops_the_start(
    start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GpuUnavailable, match=r"SW1501.*runs on cpu"):
        start(ROWS, gpu="require", gpu_explicit=True)
    monkeypatch.setenv("SCOREWRIGHT_GPU_DEFAULT", "require")
    with pytest.raises(GpuUnavailable):
        start(ROWS, gpu="prefer", gpu_explicit=False)
    start(ROWS, gpu="prefer", gpu_explicit=True)


def test_the_loader_gets_the_policy_in_force(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def load(path: Path, config: Mapping[str, Any]) -> Doubler:
        seen.extend([path, config["gpu"]])
        return Doubler()

    monkeypatch.setenv("SCOREWRIGHT_GPU_DEFAULT", "off")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    Service(config_of(ROWS), load).start()
    assert seen == [model_dir / "weights.bin", "off"]


def test_a_rehearsal_asks_for_no_gpu_and_says_so(
    start: Callable[..., Service], post: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREWRIGHT_REHEARSAL", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    service = start(ROWS, gpu="require", gpu_explicit=True)
    assert service.answer(post(BODY)).headers["x-scorewright-device"] == "cpu (rehearsal)"


def test_an_impossible_limit_stops_the_start(start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOREWRIGHT_MAX_BODY_BYTES", "a lot")
    with pytest.raises(StartError, match=r"SW1506.*SCOREWRIGHT_MAX_BODY_BYTES"):
        start(ROWS)


def test_bodies_up_to_the_limit_are_taken(digits: Service, post: Callable[..., Request]) -> None:
    padding = b" " * (2 * 1024 * 1024 - len(BODY))
    assert digits.answer(post(BODY + padding)).status == 200
    assert code_of(digits, post(BODY + padding + b" ")) == (413, "SW1514")


def test_a_batch_of_one_shape_for_models_of_a_fixed_batch(
    start: Callable[..., Service], post: Callable[..., Request]
) -> None:
    service = start(signature_of(batch=False, x=("float32", [3, 4])))
    assert (
        service.answer(post(json.dumps({"data": np.ones((3, 4)).tolist()}).encode())).headers["x-scorewright-batch"]
        == "1"
    )


def loaded_by(code: str) -> set[str]:
    """The packages that a new Python has loaded after that."""
    code += "; import sys; print({name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ast.literal_eval(done.stdout))


def test_the_runtime_imports_no_framework_and_no_server() -> None:
    heavy = {"PIL", "flask", "torch", "tensorflow", "onnxruntime", "azureml_inference_server_http", "uvicorn"}
    loaded = loaded_by("from scorewright_runtime import Service")
    assert "numpy" in loaded
    assert not loaded & heavy


def test_the_process_that_only_starts_workers_does_not_hold_numpy() -> None:
    loaded = loaded_by("from scorewright_runtime.lane import Worker")
    assert "uvicorn" in loaded
    assert "numpy" not in loaded
