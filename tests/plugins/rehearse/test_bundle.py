"""A bundle of scorewright's own in an emulated container: same bytes, same server, same lane as in the cloud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.contract.client import Client, archive

import scorewright
from scorewright_rehearse import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "mnist"
FAST_LANE = {"GUNICORN_CMD_ARGS": "-k scorewright_runtime.lane.Worker", "PYTHONPATH": "source"}


@pytest.fixture
def azure() -> Iterator[Emulator]:
    with Emulator(patience=60) as emulator:
        yield emulator


def test_fast_lane_answers_through_the_front_end(client: Client, tmp_path: Path) -> None:
    spec = scorewright.load(EXAMPLE / "deploy.yaml")
    folder = scorewright.render(spec, "mnist-onnx").write(tmp_path)
    files = {f"source/{path.relative_to(folder)}": path.read_text() for path in folder.rglob("*") if path.is_file()}
    client.create_cluster()
    model = client.register("mnist-onnx", {"mnist.onnx": (EXAMPLE / "models" / "mnist.onnx").read_bytes()}).json()
    request = client.image_request("", (model["id"],), variables=FAST_LANE)
    client.upload("bundle", {"source.tar.gz": archive(files)})
    request["assets"][1]["url"] = "aml://artifact/LocalUpload/bundle/source.tar.gz"
    client.deploy("mnist-onnx", environmentImageRequest=request)
    reply = client.score("mnist-onnx", body=json.loads((EXAMPLE / "sample.json").read_text()))
    assert reply.status_code == 200, reply.text
    assert reply.headers["x-scorewright-device"] == "cpu (rehearsal)"
    assert reply.headers["x-scorewright-model"] == "mnist-onnx:1"
    assert reply.headers["x-scorewright-lane"] == "fast"
    expected = json.loads((EXAMPLE / "expect.json").read_text())
    np.testing.assert_allclose(reply.json(), expected, rtol=1e-3)
