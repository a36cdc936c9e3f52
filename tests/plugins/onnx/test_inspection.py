"""What the plugin reads from files equals what onnxruntime says of the loaded model."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from scorewright.framework import DetectRequest, Inspection, InspectRequest
from scorewright.signature import TensorSpec
from scorewright_onnx.inspection import detect, inspect

if TYPE_CHECKING:
    from pathlib import Path


def look(path: Path, **declared: Any) -> Inspection:  # noqa: ANN401
    """Detect and inspect."""
    detection = detect(DetectRequest(path))
    assert detection is not None
    return inspect(InspectRequest(path, detection.format, **declared))


def codes(inspection: Inspection) -> list[str]:
    """The codes of its findings."""
    return [finding.code for finding in inspection.findings]


def test_files_and_folders_are_detected(models: Path, tmp_path: Path) -> None:
    shutil.copy(models / "dense.onnx", tmp_path / "model")
    for path in (models / "dense.onnx", models / "external", tmp_path / "model"):
        assert detect(DetectRequest(path)) is not None


@pytest.mark.parametrize("content", [b"", b"\x08\x09", b"PK\x03\x04", b"import os\n", b"\xff" * 40])
def test_other_files_are_not(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert detect(DetectRequest(tmp_path / "file")) is None
    assert detect(DetectRequest(tmp_path)) is None


@pytest.mark.parametrize("name", ["dense", "fixed", "unnamed", "rank", "add", "kinds"])
def test_a_model_reads_as_onnxruntime_loads_it(models: Path, name: str) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(models / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    signature = look(models / f"{name}.onnx").signature
    assert signature is not None
    dtypes = {"float": "float32", "double": "float64"}
    for ours, theirs in ((signature.inputs, session.get_inputs()), (signature.outputs, session.get_outputs())):
        assert [spec.name for spec in ours] == [node.name for node in theirs]
        kinds = [node.type.removeprefix("tensor(").removesuffix(")") for node in theirs]
        assert [spec.dtype for spec in ours] == [dtypes.get(kind, kind) for kind in kinds]
        for spec, node in zip(ours, theirs, strict=True):
            shape = tuple(size if isinstance(size, int) else None for size in node.shape)
            assert spec.shape == (None if name == "rank" and spec.name == "x" else shape)


def test_what_the_file_says_of_itself(models: Path) -> None:
    inspection = look(models / "dense.onnx")
    assert inspection.written_by == "maker 1.2"
    assert inspection.load == {"file": None, "opset": 17, "ir_version": 9}
    assert inspection.weights_bytes == 4 * 3 * 4
    assert codes(inspection) == []


@pytest.mark.parametrize(
    ("name", "batch"), [("dense", True), ("unnamed", True), ("fixed", False), ("rank", False), ("add", False)]
)
def test_the_batch_is_the_models_own(models: Path, name: str, batch: bool) -> None:
    signature = look(models / f"{name}.onnx").signature
    assert signature is not None
    assert signature.batch is batch


def test_types_without_a_numpy_dtype_are_refused(models: Path) -> None:
    inspection = look(models / "brain.onnx")
    assert inspection.signature is None
    assert codes(inspection) == ["SW1217", "SW1217"]


def test_a_list_of_maps_is_refused_unless_it_is_left_out(models: Path) -> None:
    (finding,) = look(models / "maps.onnx").findings
    assert finding.code == "SW1217"
    assert "is a sequence" in finding.message
    assert (finding.hint or "").endswith("outputs: [label]")
    without = look(models / "maps.onnx", output_names=("label",))
    assert codes(without) == []
    assert without.signature is not None
    assert [spec.name for spec in without.signature.outputs] == ["label"]


def test_a_folder_with_external_data_is_whole(models: Path) -> None:
    inspection = look(models / "external")
    assert codes(inspection) == []
    assert inspection.load["file"] == "model.onnx"
    assert inspection.weights_bytes == 4 * 3 * 4


def test_the_file_alone_would_leave_its_data_behind(models: Path) -> None:
    (finding,) = look(models / "external" / "model.onnx").findings
    assert finding.code == "SW1212"
    assert "model: {path: external}" in (finding.hint or "")


def test_missing_external_data_is_named(models: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(models / "external", tmp_path / "model")
    (copy / "model.data").unlink()
    (finding,) = look(copy).findings
    assert "needs the file model.data, which is missing" in finding.message


def test_short_external_data_is_named(models: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(models / "external", tmp_path / "model")
    (copy / "model.data").write_bytes(b"1234567")
    (finding,) = look(copy).findings
    assert "needs 48 bytes of model.data, which has 7" in finding.message


@pytest.mark.parametrize("location", ["../model.data", "/etc/passwd", ""])
def test_external_data_outside_of_the_folder_is_refused(models: Path, tmp_path: Path, location: str) -> None:
    import onnx

    copy = shutil.copytree(models / "external", tmp_path / "model")
    model = onnx.load(copy / "model.onnx", load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    (copy / "model.onnx").write_bytes(model.SerializeToString())
    (finding,) = look(copy).findings
    assert finding.code == "SW1212"
    assert "not below its own folder" in finding.message


def test_several_models_in_a_folder_are_refused(models: Path, tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        shutil.copy(models / "dense.onnx", tmp_path / name)
    (finding,) = look(tmp_path).findings
    assert "it holds a.onnx, b.onnx" in finding.message


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.99])
def test_a_truncated_file_is_a_finding(models: Path, tmp_path: Path, share: float) -> None:
    content = (models / "dense.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(content[: int(len(content) * share)])
    inspection = look(tmp_path / "model.onnx")
    assert inspection.signature is None
    assert codes(inspection) == ["SW1211"]


def test_a_declared_width_that_the_model_does_not_have_is_an_error(models: Path) -> None:
    inspection = look(models / "dense.onnx", inputs=(TensorSpec("x", "float32", (None, 7)),))
    assert codes(inspection) == ["SW1214"]
    assert "the model [null, 4]" in inspection.findings[0].message


def test_nothing_imports_a_framework(models: Path) -> None:
    program = """
import sys
from pathlib import Path
from scorewright.framework import DetectRequest, InspectRequest
from scorewright_onnx import scorewright_frameworks
(framework,) = scorewright_frameworks()
for path in sorted(Path(sys.argv[1]).iterdir()):
    detection = framework.detect(DetectRequest(path))
    assert detection, path
    framework.inspect(InspectRequest(path, detection.format))
heavy = {"tensorflow", "keras", "torch", "onnx", "onnxruntime", "google.protobuf"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program, str(models)], check=True)
