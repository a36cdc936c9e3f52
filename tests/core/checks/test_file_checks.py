"""Checks of the user's own files: labels, handler, sample, expected answer, image settings."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scorewright.testing import Deployment, MemoryTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scorewright.findings import Finding


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """One service of a model with one input ``x``, float32 [any, 3], on the target in memory."""
    with MemoryTarget() as memory:
        yield Deployment(tmp_path, memory.record)


def findings(deployment: Deployment, **keys: Any) -> list[Finding]:  # noqa: ANN401 - keys of the deploy file
    deployment.serve("first", **keys)
    return list(deployment.deployer.check(deployment.spec).findings)


def only(found: list[Finding], code: str, path: str) -> str:
    """The one finding's message; its code and place are as they must be."""
    (finding,) = found
    assert (finding.code, finding.path) == (code, f"services.first.{path}")
    assert finding.location is not None
    return finding.message


def npy(array: np.ndarray) -> bytes:
    body = io.BytesIO()
    np.save(body, array)
    return body.getvalue()


def png(width: int, height: int) -> bytes:
    body = io.BytesIO()
    Image.new("L", (width, height)).save(body, "PNG")
    return body.getvalue()


@pytest.mark.parametrize("text", ["a\nb\nc\n", "a\r\nb\r\nc", "\ufeffa\nb\nc\n\n"])
def test_as_many_labels_as_classes_pass(deployment: Deployment, text: str) -> None:
    (deployment.folder / "labels.txt").write_text(text, encoding="utf-8", newline="")
    assert findings(deployment, output={"top_k": 1, "labels": "labels.txt"}) == []


def test_another_number_of_labels_is_refused(deployment: Deployment) -> None:
    (deployment.folder / "labels.txt").write_text("a\nb\n")
    found = findings(deployment, output={"top_k": 1, "labels": "labels.txt"})
    assert only(found, "SW1402", "output.labels") == "there are 2 labels for 3 classes"


@pytest.mark.parametrize("data", [None, b"\xff\xfe"])
def test_labels_that_cannot_be_read_are_refused(deployment: Deployment, data: bytes | None) -> None:
    if data is not None:
        (deployment.folder / "labels.txt").write_bytes(data)
    only(findings(deployment, output={"top_k": 1, "labels": "labels.txt"}), "SW1401", "output.labels")


@pytest.mark.parametrize(
    "code",
    [
        "def preprocess(request, inputs):\n    return inputs\n",
        "def postprocess(outputs):\n    return 1\n",
        "def preprocess(anything, you_like, more=1, *, also=2):\n    return None\n",
        "def preprocess(*arguments):\n    return None\n",
        "from elsewhere import postprocess\n",
        "from elsewhere import *\n",
        "postprocess = lambda outputs: 1\n",
        "try:\n    import x\nexcept ImportError:\n    def postprocess(outputs):\n        return 1\n",
    ],
)
def test_a_handler_whose_hooks_can_be_called_passes(deployment: Deployment, code: str) -> None:
    (deployment.folder / "handler.py").write_text(code)
    assert findings(deployment, handler="handler.py") == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("", "it has neither preprocess nor postprocess"),
        ("def pre_process(request, inputs): ...\n", "it has neither preprocess nor postprocess"),
        ("def preprocess(inputs): ...\n", "line 1: preprocess must take (request, inputs)"),
        ("\ndef postprocess(outputs, request): ...\n", "line 2: postprocess must take (outputs)"),
        ("def postprocess(outputs, *, top): ...\n", "line 1: postprocess must take (outputs)"),
        ("async def postprocess(outputs): ...\n", "postprocess is async; write it with a plain def"),
    ],
)
def test_a_handler_whose_hooks_cannot_be_called_is_refused(deployment: Deployment, code: str, problem: str) -> None:
    (deployment.folder / "handler.py").write_text(code)
    message = only(findings(deployment, handler="handler.py"), "SW1404", "handler")
    assert message.endswith(f"handler.py: {problem}")


def test_a_handler_that_is_not_python_is_refused_with_its_line(deployment: Deployment) -> None:
    (deployment.folder / "handler.py").write_text("x = 1\ndef postprocess(outputs:\n")
    message = only(findings(deployment, handler="handler.py"), "SW1403", "handler")
    assert "handler.py:2 is not Python" in message


def test_a_handler_is_read_and_not_run(deployment: Deployment) -> None:
    marker = deployment.folder / "ran"
    code = f"open({str(marker)!r}, 'w')\ndef postprocess(outputs):\n    return 1\n"
    (deployment.folder / "handler.py").write_text(code)
    assert findings(deployment, handler="handler.py") == []
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("sample.json", b'{"data": [[1, 2, 3]]}'),
        ("sample.json", b'{"inputs": {"x": [[1, 2, 3], [4, 5, 6]]}}'),
        ("sample.json", b'{"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]}'),
        ("sample.npy", npy(np.zeros((2, 3), np.float32))),
    ],
)
def test_a_sample_that_the_service_would_take_passes(deployment: Deployment, name: str, data: bytes) -> None:
    (deployment.folder / name).write_bytes(data)
    assert findings(deployment, sample={"input": name}) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("sample.json", b'{"data": [[1, 2]]}'),
        ("sample.json", b'{"data": [1, 2, 3]}'),
        ("sample.json", b'{"inputs": {"z": [[1, 2, 3]]}}'),
        ("sample.json", b'{"data": [["a", "b", "c"]]}'),
        ("sample.json", b"{"),
        ("sample.npy", npy(np.zeros((2, 4), np.float32))),
        ("sample.npy", b"no array"),
    ],
)
def test_a_sample_that_the_service_would_refuse_is_refused_now(deployment: Deployment, name: str, data: bytes) -> None:
    (deployment.folder / name).write_bytes(data)
    message = only(findings(deployment, sample={"input": name}), "SW1406", "sample.input")
    assert message.startswith("the service would refuse the sample: ")


def test_a_sample_for_a_handler_is_the_handlers_affair(deployment: Deployment) -> None:
    (deployment.folder / "handler.py").write_text("def preprocess(request, inputs):\n    return inputs\n")
    (deployment.folder / "sample.json").write_text(json.dumps({"anything": 1}))
    assert findings(deployment, handler="handler.py", sample={"input": "sample.json"}) == []


def test_a_sample_that_is_not_there_is_refused(deployment: Deployment) -> None:
    message = only(findings(deployment, sample={"input": "gone.json"}), "SW1405", "sample.input")
    assert "gone.json cannot be read: FileNotFoundError" in message


@pytest.mark.parametrize("text", [None, "{"])
def test_an_expected_answer_that_is_no_json_is_refused(deployment: Deployment, text: str | None) -> None:
    (deployment.folder / "sample.json").write_text('{"data": [[1, 2, 3]]}')
    if text is not None:
        (deployment.folder / "expect.json").write_text(text)
    found = findings(deployment, sample={"input": "sample.json", "expect": "expect.json"})
    only(found, "SW1401", "sample.expect")


def test_images_that_fit_the_input_pass(deployment: Deployment) -> None:
    (deployment.folder / "sample.png").write_bytes(png(9, 9))
    image = {"size": [1, 3], "mode": "L", "layout": "flat"}
    assert findings(deployment, image=image, sample={"input": "sample.png"}) == []


def test_images_that_do_not_fit_the_input_are_refused(deployment: Deployment) -> None:
    message = only(findings(deployment, image={"size": [2, 2], "mode": "L"}), "SW1407", "image")
    assert "does not fit" in message


def test_a_damaged_image_is_refused(deployment: Deployment) -> None:
    (deployment.folder / "sample.png").write_bytes(png(9, 9)[:40])
    found = findings(deployment, image={"size": [1, 3], "mode": "L"}, sample={"input": "sample.png"})
    only(found, "SW1406", "sample.input")
