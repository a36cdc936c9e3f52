"""What the plugin reads from files equals what TensorFlow says of the loaded model."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from scorewright.findings import Level
from scorewright.framework import DetectRequest, Inspection, InspectRequest
from scorewright.signature import TensorSpec
from scorewright_tensorflow.inspection import detect, inspect
from scorewright_tensorflow.table import read_index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


LOGITS = "network/output/MatMul:0"


def look(path: Path, **declared: Any) -> Inspection:  # noqa: ANN401
    """Detect and inspect."""
    detection = detect(DetectRequest(path))
    assert detection is not None
    return inspect(InspectRequest(path, detection.format, **declared))


def codes(inspection: Inspection, level: Level = Level.ERROR) -> list[str]:
    """The codes of its findings of a level."""
    return [finding.code for finding in inspection.findings if finding.level is level]


def by_name(specs: tuple[TensorSpec, ...]) -> dict[str, tuple[str, tuple[int | None, ...] | None]]:
    """Dtype and shape by name."""
    return {spec.name: (spec.dtype, spec.shape) for spec in specs}


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("savedmodel", "savedmodel"),
        ("exported", "savedmodel"),
        ("single.keras", "keras"),
        ("single.h5", "h5"),
        ("checkpoint", "checkpoint"),
        ("checkpoint/network.ckpt.meta", "checkpoint"),
    ],
)
def test_each_format_is_detected(models: Path, name: str, format: str) -> None:
    detection = detect(DetectRequest(models / name))
    assert detection is not None
    assert detection.format == format


@pytest.mark.parametrize("name", ["single.keras", "single.h5"])
def test_keras_files_are_known_by_content_too(models: Path, tmp_path: Path, name: str) -> None:
    shutil.copy(models / name, tmp_path / "model")
    detection = detect(DetectRequest(tmp_path / "model"))
    assert detection is not None
    assert detection.format == name.partition(".")[2]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x08\x01", b"import os\n"])
def test_other_files_are_not(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert detect(DetectRequest(tmp_path / "file")) is None
    assert detect(DetectRequest(tmp_path)) is None


@pytest.mark.parametrize("name", ["savedmodel", "exported", "kinds", "lookup"])
def test_a_savedmodel_reads_as_tensorflow_loads_it(models: Path, name: str) -> None:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(models / name)).signatures["serving_default"]
    inspection = look(models / name)
    assert inspection.signature is not None
    truth = {key: (spec.dtype.name, tuple(spec.shape)) for key, spec in loaded.structured_input_signature[1].items()}
    assert by_name(inspection.signature.inputs) == truth
    truth = {key: (spec.dtype.name, tuple(spec.shape)) for key, spec in loaded.structured_outputs.items()}
    assert by_name(inspection.signature.outputs) == truth
    assert inspection.signature.batch is (name != "kinds")
    assert inspection.written_by == tf.__version__
    assert inspection.load == {"tags": ["serve"], "signature": "serving_default"}
    assert codes(inspection) == []


@pytest.mark.parametrize(
    "name", ["single.keras", "sequential.keras", "dict.keras", "list.keras", "single.h5", "sequential.h5", "dict.h5"]
)
def test_a_keras_file_reads_as_keras_loads_it(models: Path, name: str) -> None:
    import tensorflow as tf

    model = tf.keras.models.load_model(models / name, compile=False)
    inspection = look(models / name)
    assert inspection.signature is not None
    shapes = [(spec.dtype, spec.shape) for spec in inspection.signature.inputs]
    assert shapes == [(tensor.dtype, tuple(tensor.shape)) for tensor in model.inputs]
    shapes = [(spec.dtype, spec.shape) for spec in inspection.signature.outputs]
    assert shapes == [(tensor.dtype, tuple(tensor.shape)) for tensor in model.outputs]
    assert inspection.signature.batch
    assert inspection.written_by == f"keras {tf.keras.__version__}"
    assert codes(inspection) == []


def test_keras_names_are_those_that_callers_know(models: Path) -> None:
    signature = look(models / "dict.keras").signature
    assert signature is not None
    assert [spec.name for spec in signature.inputs] == ["left", "right"]
    assert [spec.name for spec in signature.outputs] == ["first", "second"]
    signature = look(models / "list.keras").signature
    assert signature is not None
    assert [spec.name for spec in signature.inputs] == ["right", "left"]
    assert [spec.name for spec in signature.outputs] == ["q", "p"]


def test_an_output_layer_used_twice_gives_two_names(models: Path) -> None:
    signature = look(models / "shared.keras").signature
    assert signature is not None
    assert [spec.name for spec in signature.outputs] == ["shared", "shared_1"]


def test_lambda_layers_need_consent(models: Path) -> None:
    assert codes(look(models / "lambda.keras")) == ["SW1215"]
    consented = look(models / "lambda.keras", options={"allow_pickle": True})
    assert codes(consented) == []
    assert consented.load["safe_mode"] is False


def test_custom_layers_are_refused_with_the_way_out(models: Path) -> None:
    (finding,) = look(models / "custom.keras").findings
    assert finding.code == "SW1218"
    assert "model.export" in (finding.hint or "")


def test_weights_without_their_model_are_refused(models: Path) -> None:
    assert codes(look(models / "only.weights.h5")) == ["SW1213"]


def test_a_savedmodel_without_signature_is_refused(models: Path) -> None:
    assert codes(look(models / "unsigned")) == ["SW1213"]


def test_of_several_signatures_the_choice_is_told(models: Path) -> None:
    inspection = look(models / "two_signatures")
    assert inspection.load["signature"] == "first"
    assert codes(inspection, Level.WARNING) == ["SW1213"]


@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
def test_missing_variables_are_named(models: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(models / "savedmodel", tmp_path / "model")
    (copy / "variables" / name).unlink()
    (finding,) = look(copy).findings
    assert finding.code == "SW1212"
    assert name in finding.message


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\n"])
@pytest.mark.parametrize("name", ["savedmodel/variables/variables", "checkpoint/network.ckpt"])
def test_variables_that_are_cut_short_are_named(models: Path, tmp_path: Path, name: str, content: bytes) -> None:
    root = name.partition("/")[0]
    shutil.copytree(models / root, tmp_path / root)
    (tmp_path / f"{name}.data-00000-of-00001").write_bytes(content)
    found = look(tmp_path / root, output_names=("scores",) if root == "savedmodel" else (LOGITS,)).findings
    (finding,) = (one for one in found if one.level is not Level.INFO)
    assert finding.code == "SW1212"
    assert f"has {len(content)} bytes of " in finding.message


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
@pytest.mark.parametrize("name", ["savedmodel/variables/variables.index", "checkpoint/network.ckpt.index"])
def test_an_index_that_is_cut_short_is_a_finding(models: Path, tmp_path: Path, name: str, share: float) -> None:
    root = name.partition("/")[0]
    shutil.copytree(models / root, tmp_path / root)
    _cut(models / name, (tmp_path / name).parent, share)
    assert codes(look(tmp_path / root, output_names=None if root == "savedmodel" else (LOGITS,))) == ["SW1211"]


def test_an_index_reads_as_tensorflow_reads_it(models: Path) -> None:
    import tensorflow as tf

    prefix = models / "checkpoint" / "network.ckpt"
    reader = tf.train.load_checkpoint(str(prefix))
    sizes = {name: 4 * math.prod(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    entries = read_index(models / "checkpoint" / "network.ckpt.index")
    assert {entry.name: entry.size for entry in entries} == sizes
    assert look(models / "checkpoint").weights_bytes == sum(sizes.values())


def test_a_model_without_variables_needs_no_files_for_them(models: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(models / "lookup", tmp_path / "model")
    shutil.rmtree(copy / "variables")
    assert codes(look(copy)) == []


def test_a_checkpoint_without_outputs_proposes_the_right_one(models: Path) -> None:
    inspection = look(models / "checkpoint")
    (finding,) = inspection.findings
    assert inspection.signature is None
    assert finding.code == "SW1213"
    assert finding.hint is not None
    assert finding.hint.endswith('outputs:\n  "network/output/MatMul:0": {dtype: float32, shape: [null, 3]}')


def test_only_the_placeholders_that_the_output_needs_are_inputs(models: Path) -> None:
    signature = look(models / "checkpoint", output_names=("network/output/MatMul:0",)).signature
    assert signature is not None
    assert signature.inputs == (TensorSpec("network/X:0", "float32", (None, 6)),)
    assert signature.outputs == (TensorSpec("network/output/MatMul:0", "float32", (None, 3)),)
    assert signature.batch
    trained = look(models / "checkpoint", output_names=("eval/accuracy:0",)).signature
    assert trained is not None
    assert [spec.name for spec in trained.inputs] == ["network/X:0", "network/y:0"]
    assert not trained.batch


def test_a_graph_that_can_train_is_told_to_serve(models: Path) -> None:
    inspection = look(models / "modes", output_names=("scores:0",))
    assert inspection.signature is not None
    assert [spec.name for spec in inspection.signature.inputs] == ["x:0"]
    assert inspection.signature.batch
    assert inspection.load["feed"] == {"keep_prob:0": 1.0, "net/is_training:0": False, "net/phase_train:0": False}
    (finding,) = inspection.findings
    assert (finding.code, finding.level) == ("SW1221", Level.INFO)
    assert "keep_prob:0 is 1.0, net/is_training:0 is false" in finding.message


def test_a_switch_that_is_declared_is_an_input(models: Path) -> None:
    inspection = look(
        models / "modes",
        output_names=("scores:0",),
        inputs=(
            TensorSpec("x", "float32", (None, 2), "x:0"),
            TensorSpec("training", "bool", (), "net/is_training"),
        ),
    )
    assert codes(inspection) == []
    assert inspection.signature is not None
    assert [spec.name for spec in inspection.signature.inputs] == ["x", "training"]
    assert inspection.load["feed"] == {"keep_prob:0": 1.0, "net/phase_train:0": False}


def test_a_checkpoints_tensors_may_get_friendly_names(models: Path) -> None:
    inspection = look(
        models / "checkpoint",
        inputs=(TensorSpec("x", "float32", (None, 6), "network/X:0"),),
        outputs=(TensorSpec("scores", "float32", (None, 3), "network/output/MatMul"),),
    )
    assert codes(inspection) == []
    assert inspection.signature is not None
    assert inspection.signature.outputs[0].tensor == "network/output/MatMul:0"


def test_an_unknown_tensor_is_refused_with_likely_ones(models: Path) -> None:
    (finding,) = look(models / "checkpoint", output_names=("network/out:0",)).findings
    assert finding.code == "SW1214"
    assert "network/output/MatMul:0" in finding.message


def test_a_meta_file_alone_is_refused_since_its_variables_would_stay_behind(models: Path) -> None:
    (finding,) = look(models / "checkpoint" / "network.ckpt.meta").findings
    assert finding.code == "SW1212"
    assert "model: {path: checkpoint}" in (finding.hint or "")


@pytest.mark.parametrize("name", ["network.ckpt.index", "network.ckpt.data-00000-of-00001"])
def test_a_checkpoints_missing_files_are_named(models: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(models / "checkpoint", tmp_path / "model")
    (copy / name).unlink()
    assert "SW1212" in codes(look(copy))


def test_of_several_checkpoints_the_latest_is_taken(models: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(models / "checkpoint", tmp_path / "model")
    for file in list(copy.glob("network.ckpt.*")):
        shutil.copy(file, copy / file.name.replace("network", "older"))
    assert look(copy).load["meta"] == "network.ckpt.meta"
    (copy / "checkpoint").unlink()
    assert codes(look(copy)) == ["SW1211"]


def test_a_declared_width_that_the_model_does_not_have_is_an_error(models: Path) -> None:
    assert codes(look(models / "savedmodel", inputs=(TensorSpec("x", "float32", (None, 7)),))) == ["SW1214"]


def _cut(source: Path, folder: Path, share: float) -> Path:
    copy = folder / source.name
    content = source.read_bytes()
    copy.write_bytes(content[: int(len(content) * share)])
    return copy


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("name", ["single.keras", "single.h5", "savedmodel/saved_model.pb"])
def test_a_truncated_file_is_a_finding(models: Path, tmp_path: Path, name: str, share: float) -> None:
    cut = _cut(models / name, tmp_path, share)
    inspection = look(tmp_path if cut.name == "saved_model.pb" else cut)
    assert inspection.signature is None
    assert codes(inspection)[0] in ("SW1211", "SW1213")


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_a_truncated_graph_of_a_checkpoint_is_a_finding(models: Path, tmp_path: Path, share: float) -> None:
    copy = shutil.copytree(models / "checkpoint", tmp_path / "model")
    _cut(models / "checkpoint" / "network.ckpt.meta", copy, share)
    assert codes(look(copy, output_names=("network/output/MatMul:0",))) != []


@pytest.mark.parametrize(
    "config",
    ["[]", "{}", '{"class_name": "Functional", "config": {"layers": [7]}}', '{"config": {"layers": {}}}', "nan"],
)
def test_a_config_that_is_none_is_a_finding(tmp_path: Path, config: str) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", "")
    assert codes(look(tmp_path / "model.keras"))[0] in ("SW1211", "SW1213")


def test_without_h5py_the_deploy_file_must_say_it(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    inspection = look(models / "single.h5")
    assert codes(inspection) == ["SW1213"]
    assert "pip install h5py" in inspection.findings[0].message
    declared = look(
        models / "single.h5",
        inputs=(TensorSpec("x", "float32", (None, 4)),),
        outputs=(TensorSpec("scores", "float32", (None, 3)),),
    )
    assert declared.signature is not None
    assert codes(declared) == []


def test_nothing_imports_a_framework(models: Path) -> None:
    program = """
import sys
from pathlib import Path
from scorewright.framework import DetectRequest, InspectRequest
from scorewright_tensorflow import scorewright_frameworks
(framework,) = scorewright_frameworks()
for path in sorted(Path(sys.argv[1]).iterdir()):
    detection = framework.detect(DetectRequest(path))
    assert detection, path
    framework.inspect(InspectRequest(path, detection.format))
heavy = {"tensorflow", "keras", "torch", "onnx", "onnxruntime", "google.protobuf"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program, str(models)], check=True)


@pytest.mark.parametrize("pick", [lambda models: models / "savedmodel", lambda models: models / "single.keras"])
def test_weights_count_in_memory(models: Path, pick: Callable[[Path], Path]) -> None:
    weights = look(pick(models)).weights_bytes
    assert weights is not None
    assert weights > 0
