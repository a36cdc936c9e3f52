"""What is sent, made from samples and signatures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

import scorewright
from scorewright.bench.payloads import make_bodies
from scorewright.errors import DeploymentError
from scorewright.signature import Signature, TensorSpec
from scorewright.spec.models import Sample, ServiceSpec

MNIST = Path(__file__).parents[3] / "docs" / "examples" / "mnist"
SIGNATURE = Signature(
    (TensorSpec("x", "float32", (None, 784)),), (TensorSpec("scores", "float32", (None, 10)),), batch=True
)
IDS = Signature((TensorSpec("ids", "int64", (None, 4)),), (TensorSpec("y", "float32", (None, 2)),), batch=False)


def service(**changes: object) -> ServiceSpec:
    spec = scorewright.load(MNIST / "deploy.yaml").services["mnist-onnx"]
    return spec.model_copy(update=changes)


def test_json_bodies_are_the_sample_and_weaker_copies_of_it() -> None:
    made = make_bodies(service(), SIGNATURE, "json", 1)
    assert len(set(made.bodies)) == 8
    first = np.array(json.loads(made.bodies[0])["data"])
    np.testing.assert_allclose(first, json.loads((MNIST / "sample.json").read_text())["data"], rtol=1e-6)
    assert made.headers["content-type"] == "application/json"


@pytest.mark.parametrize("rows", [1, 5])
def test_all_forms_hold_the_same_numbers(rows: int) -> None:
    told = json.loads(make_bodies(service(), SIGNATURE, "json", rows).bodies[3])["data"]
    npy = np.load(io.BytesIO(make_bodies(service(), SIGNATURE, "npy", rows).bodies[3]))
    made = make_bodies(service(), SIGNATURE, "v2", rows)
    length = int(made.headers["inference-header-content-length"])
    head = json.loads(made.bodies[3][:length])["inputs"][0]
    v2 = np.frombuffer(made.bodies[3][length:], "<f4").reshape(head["shape"])
    assert npy.shape == (rows, 784)
    np.testing.assert_array_equal(npy, v2)
    np.testing.assert_allclose(np.array(told), npy, rtol=1e-6)
    assert (head["name"], head["datatype"], head["parameters"]) == ("x", "FP32", {"binary_data_size": rows * 784 * 4})


def test_without_a_sample_zeros_of_the_signature_are_sent() -> None:
    made = make_bodies(service(sample=None), IDS, "json", 1)
    assert [json.loads(body) for body in made.bodies] == [{"data": [[0, 0, 0, 0]]}]


def test_an_image_is_sent_as_it_is(tmp_path: Path) -> None:
    sample = Sample(input=MNIST / "digits" / "3.png")
    made = make_bodies(service(sample=sample), SIGNATURE, "json", 1)
    assert made.bodies == ((MNIST / "digits" / "3.png").read_bytes(),)
    assert made.headers["content-type"] == "image/png"


@pytest.mark.parametrize(("form", "rows"), [("npy", 1), ("json", 2)])
def test_an_image_has_no_other_form(form: str, rows: int) -> None:
    sample = Sample(input=MNIST / "digits" / "3.png")
    with pytest.raises(DeploymentError) as caught:
        make_bodies(service(sample=sample), SIGNATURE, form, rows)
    assert caught.value.code == "SW1801"


def test_rows_need_a_batch_dimension() -> None:
    with pytest.raises(DeploymentError, match="nothing to send"):
        make_bodies(service(sample=None), IDS, "json", 2)
