"""Eight files of one network behind HTTP: right answers, one another's answers, every body form, no bad one taken."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from tests.e2e.conftest import EXAMPLE
from tests.runtime.malformed import images, malformed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Command, HeldOut

    from scorewright.client import ServiceClient
    from scorewright_runtime import Signature

SERVICES = [
    "mnist-checkpoint",
    "mnist-savedmodel",
    "mnist-keras",
    "mnist-h5",
    "mnist-torchscript",
    "mnist-pt2",
    "mnist-state-dict",
    "mnist-onnx",
]
every_service = pytest.mark.parametrize("service", SERVICES)


def npy(array: np.ndarray) -> bytes:
    """The array as a ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def refusal(client: ServiceClient, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
    """Status and error of a request with exactly these headers and the service's key."""
    answer = httpx.post(
        client.endpoint.scoring_uri, headers={**client.endpoint.headers, **headers}, content=body, timeout=60
    )
    return answer.status_code, answer.json().get("error", {})


@every_service
def test_at_least_95_percent_of_the_held_out_digits_are_recognised(
    service: str, client: Callable[[str], ServiceClient], held_out: HeldOut
) -> None:
    scores = np.array(client(service).score({"data": held_out.pixels.tolist()}))
    assert (scores.argmax(axis=1) == held_out.labels).mean() >= 0.95


def test_all_services_agree_on_raw_scores(client: Callable[[str], ServiceClient], held_out: HeldOut) -> None:
    body = {"data": held_out.pixels.tolist()}
    answers = {service: np.array(client(service).score(body)) for service in SERVICES}
    reference = answers["mnist-onnx"]
    assert reference.shape == (360, 10)
    for service, scores in answers.items():
        assert np.abs(scores - reference).max() <= 1e-4, service


@every_service
def test_every_body_form_gets_the_same_scores(
    service: str, client: Callable[[str], ServiceClient], held_out: HeldOut, signatures: dict[str, Signature]
) -> None:
    rows = held_out.pixels[:3]
    scores = np.array(client(service).score({"data": rows.tolist()}))
    into, out = signatures[service].inputs[0].name, signatures[service].outputs[0].name

    named = client(service).score({"inputs": {into: rows.tolist()}})["outputs"][out]
    np.testing.assert_allclose(named, scores, atol=1e-5)

    tensor = {"name": into, "shape": [3, 784], "datatype": "FP32", "data": rows.ravel().tolist()}
    answer = client(service).score({"inputs": [tensor]})["outputs"][0]
    assert (answer["name"], answer["datatype"], answer["shape"]) == (out, "FP32", [3, 10])
    np.testing.assert_allclose(np.reshape(answer["data"], (3, 10)), scores, atol=1e-5)

    plain = client(service).send(npy(rows), "application/x-npy")
    np.testing.assert_allclose(plain.json(), scores, atol=1e-5)
    binary = client(service).send(npy(rows), "application/x-npy", accept="application/x-npy")
    np.testing.assert_allclose(np.load(io.BytesIO(binary.body), allow_pickle=False), scores, atol=1e-5)

    packed = io.BytesIO()
    named_rows: dict[str, Any] = {into: rows}
    np.savez(packed, **named_rows)
    npz = client(service).send(packed.getvalue(), "application/x-npz").json()
    np.testing.assert_allclose(npz["outputs"][out] if isinstance(npz, dict) else npz, scores, atol=1e-5)


@every_service
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_images_of_digits_are_recognised(service: str, suffix: str, client: Callable[[str], ServiceClient]) -> None:
    kind = "image/png" if suffix == "png" else "image/jpeg"
    right = 0
    for digit in range(10):
        body = (EXAMPLE / "digits" / f"{digit}.{suffix}").read_bytes()
        right += int(np.argmax(client(service).send(body, kind).json()[0])) == digit
    assert right >= 9


@every_service
def test_answers_name_the_device_the_model_the_batch_and_the_lane(
    service: str, client: Callable[[str], ServiceClient], held_out: HeldOut
) -> None:
    body = json.dumps({"data": held_out.pixels[:1].tolist()}).encode()
    headers = client(service).send(body).headers
    name = "tf-dnn-mnist" if service == "mnist-checkpoint" else service
    assert headers["x-scorewright-device"] == "cpu"
    assert headers["x-scorewright-model"] == f"{name}:1"
    assert headers["x-scorewright-batch"] == "1"
    assert headers["x-scorewright-lane"] == "fast"


@every_service
def test_malformed_requests_are_refused_with_a_reason_and_leave_the_service_alive(
    service: str, client: Callable[[str], ServiceClient], signatures: dict[str, Signature], held_out: HeldOut
) -> None:
    corpus = [*malformed(signatures[service], limit=64 * 1024 * 1024), *images()]
    assert len(corpus) >= 40
    for case in corpus:
        status, error = refusal(client(service), case.headers, case.body)
        assert (case.name, status, error.get("code")) == (case.name, case.status, case.code)
        assert error["message"]
    assert client(service).score({"data": held_out.pixels[:1].tolist()})


def test_up_again_changes_nothing(deployed: Command) -> None:
    assert json.loads(deployed("plan", "--detailed-exitcode", "-o", "json"))["changed"] is False
