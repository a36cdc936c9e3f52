"""The golden request, and the client that sends it, against a real server on the loopback interface."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scorewright.client import Answer, ServiceClient
from scorewright.errors import DeploymentError
from scorewright.golden import GoldenRequest, golden_request, read_sample, requests_of_zeros
from scorewright.signature import Signature, TensorSpec
from scorewright.spec.models import ServiceSpec
from scorewright.target import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEADERS = {"x-scorewright-model": "mnist:1", "x-scorewright-device": "cuda:0 Tesla T4"}
SIGNATURE = Signature((TensorSpec("x", "float32", (None, 2)),), (TensorSpec("y", "float32", (None, 2)),), batch=True)
RIGHT = b"[[1.0, 2.0]]"
KEY = "a-very-secret-key"


@dataclass
class Server:
    """Answers with what it is told, in turn; the last answer is for all further requests."""

    replies: list[tuple[int, dict[str, str], bytes]] = field(default_factory=lambda: [(200, HEADERS, RIGHT)])
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    endpoint: Endpoint = field(default_factory=lambda: Endpoint("mnist", ""))

    def answers(self, status: int = 200, body: bytes = RIGHT, **headers: str | None) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies = [(status, {name: value for name, value in {**HEADERS, **named}.items() if value}, body)]


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers, answer = told.replies.pop(0) if len(told.replies) > 1 else told.replies[0]
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    uri = f"http://127.0.0.1:{http.server_address[1]}/score"
    told.endpoint = Endpoint("mnist", uri, {"authorization": f"Bearer {KEY}"})
    yield told
    http.shutdown()
    http.server_close()


@pytest.fixture
def nowhere() -> Endpoint:
    """A port of the loopback interface that nobody listens at."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = http.server_address[1]
    http.server_close()
    return Endpoint("mnist", f"http://127.0.0.1:{port}/score", {"authorization": f"Bearer {KEY}"})


def service(**keys: object) -> ServiceSpec:
    return ServiceSpec.model_validate({"model": {"name": "mnist"}, **keys})


def golden(**keys: object) -> GoldenRequest:
    return golden_request(service(**keys), SIGNATURE, "require")


def refusal(request: GoldenRequest, endpoint: Endpoint) -> DeploymentError:
    with pytest.raises(DeploymentError) as caught:
        request.verify(endpoint, patience=0)
    return caught.value


def test_a_right_answer_passes(server: Server) -> None:
    golden().verify(server.endpoint)
    headers, body = server.seen[0]
    assert json.loads(body) == {"inputs": {"x": [[0, 0]]}}
    assert (headers["content-type"], headers["accept"]) == ("application/json", "application/json")
    assert headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("suffix", "content_type"),
    [
        ("json", "application/json"),
        ("npy", "application/x-npy"),
        ("NPZ", "application/x-npz"),
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
    ],
)
def test_a_sample_is_sent_as_it_is(server: Server, tmp_path: Path, suffix: str, content_type: str) -> None:
    path = tmp_path / f"sample.{suffix}"
    path.write_bytes(b"\x00any bytes")
    image = {"size": [1, 2]} if content_type.startswith("image/") else None
    golden(sample={"input": str(path)}, image=image).verify(server.endpoint)
    headers, body = server.seen[0]
    assert (headers["content-type"], body) == (content_type, b"\x00any bytes")


def test_an_expected_answer_is_compared(server: Server, tmp_path: Path) -> None:
    (tmp_path / "sample.json").write_text('{"data": [[1, 2]]}')
    (tmp_path / "expect.json").write_text("[[1.00005, 2.0]]")
    request = golden(sample={"input": str(tmp_path / "sample.json"), "expect": str(tmp_path / "expect.json")})
    request.verify(server.endpoint)
    server.answers(body=b"[[1.0, 2.1]]")
    error = refusal(request, server.endpoint)
    assert (error.code, error.cause) == ("SW1712", "at $[0][1]: expected 2.0, got 2.1")
    assert "sample.expect" in error.steps[0]


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (400, b'{"error": {"code": "SW1516", "message": "x: wrong width", "input": "x"}}', "SW1516: x: wrong width"),
        (500, b"Internal Server Error", "Internal Server Error"),
        (404, b"", "the body is empty"),
        (502, b"bad gateway", "bad gateway"),
        (500, b'{"error": "no object"}', '{"error": "no object"}'),
    ],
)
def test_a_refusal_is_told_in_the_services_own_words(server: Server, status: int, body: bytes, cause: str) -> None:
    server.answers(status, body)
    error = refusal(golden(), server.endpoint)
    assert error.code == "SW1711"
    assert str(status) in error.summary
    assert error.cause == cause


@pytest.mark.parametrize("body", [b"[[1.0]]", b'{"outputs": {"z": [[1, 2]]}}', b'"[[1, 2]]"', b"{}"])
def test_an_answer_of_the_wrong_shape_is_refused(server: Server, body: bytes) -> None:
    server.answers(body=body)
    error = refusal(golden(), server.endpoint)
    assert error.code == "SW1712"
    assert "`outputs`" in error.steps[0]  # there is no sample.expect to change


@pytest.mark.parametrize("keys", [{"output": "argmax"}, {"handler": "handler.py"}])
def test_what_makes_other_answers_is_not_held_to_the_models_shape(server: Server, keys: dict[str, str]) -> None:
    server.answers(body=b"[7]")
    golden(**keys).verify(server.endpoint)


def test_only_the_outputs_that_are_asked_for_must_come(server: Server) -> None:
    outputs = (TensorSpec("y", "float32", (None, 2)), TensorSpec("z", "float32", (None, 5)))
    golden_request(service(outputs=["y"]), replace(SIGNATURE, outputs=outputs), "off").verify(server.endpoint)


def test_an_answer_that_is_no_json_is_refused(server: Server) -> None:
    server.answers(body=b"<html>")
    error = refusal(golden(), server.endpoint)
    assert (error.code, error.cause) == ("SW1721", "it begins with b'<html>'")


@pytest.mark.parametrize(
    ("gpu", "device", "passes"),
    [
        ("require", "cuda:0 Tesla T4", True),
        ("require", "cpu (rehearsal)", True),
        ("require", "cpu", False),
        ("require", "cpu, not cuda", False),
        ("require", None, False),
        ("prefer", "cpu", True),
        ("off", "cpu", True),
    ],
)
def test_the_device_is_the_one_asked_for(server: Server, gpu: str, device: str | None, passes: bool) -> None:
    server.answers(x_scorewright_device=device)
    request = replace(golden(), gpu=gpu)
    if passes:
        request.verify(server.endpoint)
    else:
        error = refusal(request, server.endpoint)
        assert error.code == "SW1713"
        assert (device or "nothing") in str(error.cause)


def test_something_else_that_answers_is_found_out(server: Server) -> None:
    server.answers(x_scorewright_model=None)
    assert refusal(golden(), server.endpoint).code == "SW1714"


@pytest.mark.parametrize("status", [502, 503])
def test_a_service_that_is_not_ready_is_asked_again(server: Server, status: int) -> None:
    server.replies = [(status, {}, b""), (status, {}, b""), (200, HEADERS, RIGHT)]
    golden().verify(server.endpoint)
    assert len(server.seen) == 3


def test_an_error_of_the_model_is_not_tried_again(server: Server) -> None:
    server.answers(500)
    with pytest.raises(DeploymentError):
        golden().verify(server.endpoint, patience=30)
    assert len(server.seen) == 1


def test_nobody_there_is_said_without_the_key(nowhere: Endpoint) -> None:
    error = refusal(golden(), nowhere)
    assert error.code == "SW1720"
    assert "ConnectError" in str(error.cause)
    assert KEY not in f"{error} {error.cause} {error.steps} {error.__cause__!r}"


def test_lengths_that_the_signature_leaves_open_are_tried_in_turn(server: Server) -> None:
    shape = (None, 3, None, None)
    signature = replace(SIGNATURE, inputs=(TensorSpec("x", "float32", shape),))
    server.replies = [(400, HEADERS, b"too small"), (500, HEADERS, b"too small"), (200, HEADERS, RIGHT)]
    golden_request(service(), signature, "off").verify(server.endpoint)
    lengths = [np.array(json.loads(body)["inputs"]["x"]).shape for _, body in server.seen]
    assert lengths == [(1, 3, 1, 1), (1, 3, 8, 8), (1, 3, 32, 32)]


@pytest.mark.parametrize(
    ("dtype", "shape", "zeros"),
    [
        ("float32", (None, 2), [[0, 0]]),
        ("bool", (2,), [False, False]),
        ("string", (None,), [""]),
        ("int64", (), 0),
        ("int64", None, [0]),
        ("float32", (1, 0), [[]]),
    ],
)
def test_a_request_of_zeros_fits_the_signature(dtype: str, shape: tuple[int | None, ...] | None, zeros: object) -> None:
    signature = replace(SIGNATURE, inputs=(TensorSpec("x", dtype, shape),))
    assert json.loads(next(requests_of_zeros(signature))) == {"inputs": {"x": zeros}}


@pytest.mark.parametrize(
    ("sample", "cause"),
    [
        ({"input": "gone.json"}, "FileNotFoundError"),
        ({"input": "sample.json", "expect": "broken.json"}, "line 1"),
    ],
)
def test_a_sample_that_cannot_be_used_is_said_so(tmp_path: Path, sample: dict[str, str], cause: str) -> None:
    for name in ("sample.json", "broken.json"):
        (tmp_path / name).write_text("{")
    files = {key: str(tmp_path / name) for key, name in sample.items()}
    with pytest.raises(DeploymentError) as caught:
        golden(sample=files)
    assert caught.value.code == "SW1710"
    assert cause in str(caught.value.cause)


def test_a_sample_of_no_known_kind_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError) as caught:
        read_sample(tmp_path / "sample.txt")
    assert "ends in none of .json" in str(caught.value.cause)


@pytest.mark.parametrize("header", ["letters:1", "mnist", None])
def test_an_answer_of_another_model_is_refused(server: Server, header: str | None) -> None:
    server.answers(x_scorewright_model=header)
    with pytest.raises(DeploymentError) as caught:
        golden_request(service(), SIGNATURE, "off", model="mnist").verify(server.endpoint)
    assert caught.value.code == "SW1714"
    assert "mnist" in (caught.value.cause or "")


def test_an_answer_of_any_version_of_the_model_is_right(server: Server) -> None:
    server.answers(x_scorewright_model="mnist:42")
    golden_request(service(), SIGNATURE, "off", model="mnist").verify(server.endpoint)


def test_without_sample_and_signature_there_is_no_golden_request() -> None:
    with pytest.raises(DeploymentError) as caught:
        golden_request(service(), None, "off")
    assert caught.value.code == "SW1710"


def test_the_client_scores_arrays_and_numbers_of_numpy(server: Server) -> None:
    with ServiceClient(server.endpoint) as client:
        assert client.score({"data": np.array([[1, 2]], np.float32), "more": [np.int64(3)]}) == [[1.0, 2.0]]
    assert json.loads(server.seen[0][1]) == {"data": [[1.0, 2.0]], "more": [3]}


def test_the_client_refuses_what_is_no_data(server: Server) -> None:
    with ServiceClient(server.endpoint) as client, pytest.raises(TypeError, match="a object cannot be sent"):
        client.score({"data": object()})
    assert server.seen == []


def test_the_client_raises_the_services_own_message(server: Server) -> None:
    server.answers(400, b'{"error": {"code": "SW1515", "message": "the input \'x\' is missing"}}')
    with ServiceClient(server.endpoint) as client, pytest.raises(DeploymentError) as caught:
        client.score({})
    assert (caught.value.code, caught.value.cause) == ("SW1721", "SW1515: the input 'x' is missing")


def test_the_client_hands_back_any_answer_as_it_is(server: Server) -> None:
    server.answers(418, b"\x00\x01", content_type="application/x-npy")
    with ServiceClient(server.endpoint) as client:
        answer = client.send(b"body", "application/x-npy", "application/x-npz")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (418, b"\x00\x01", "application/x-npy")
    headers, body = server.seen[0]
    assert (headers["content-type"], headers["accept"], body) == ("application/x-npy", "application/x-npz", b"body")


def test_the_client_keeps_its_connection_and_shows_no_key(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # a proxy cannot reach this machine's own loopback
    with caplog.at_level(logging.DEBUG), ServiceClient(server.endpoint) as client:
        for _ in range(3):
            client.score({"data": [[1, 2]]})
    assert len(server.seen) == 3
    assert KEY not in caplog.text + repr(client.endpoint) + repr(client)


@pytest.mark.parametrize("uri", ["", "not a uri", "ftp://127.0.0.1/x", "http://127.0.0.1:1:2/"])
def test_an_address_that_is_none_is_an_error_of_ours(uri: str) -> None:
    with pytest.raises(DeploymentError) as caught:
        ServiceClient(Endpoint("mnist", uri)).score({})
    assert caught.value.code == "SW1720"


def test_an_answer_shows_no_content() -> None:
    assert "secret" not in repr(Answer(200, {}, b"secret"))
