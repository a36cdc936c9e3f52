"""What the plugin reads from files equals what torch says of the loaded model; nothing in a file runs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorewright.findings import Level
from scorewright.framework import DetectRequest, Inspection, InspectRequest
from scorewright.signature import TensorSpec
from scorewright_pytorch.inspection import detect, inspect
from scorewright_pytorch.pickles import PickleError, names, read_pickle
from scorewright_pytorch.safety import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

X = (TensorSpec("x", "float32", (None, 4)),)
SCORES = (TensorSpec("scores", "float32", (None, 3)),)


def look(path: Path, **declared: Any) -> Inspection:  # noqa: ANN401
    """Detect and inspect."""
    detection = detect(DetectRequest(path))
    assert detection is not None
    return inspect(InspectRequest(path, detection.format, **declared))


def codes(inspection: Inspection, level: Level = Level.ERROR) -> list[str]:
    """The codes of its findings of a level."""
    return [finding.code for finding in inspection.findings if finding.level is level]


def rewrite(source: Path, target: Path, member: str, change: Callable[[bytes], bytes]) -> Path:
    """A copy of an archive with one member changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name.endswith(member) else content)
    return target


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("traced.pt", "torchscript"),
        ("scripted.pt", "torchscript"),
        ("program.pt2", "export"),
        ("weights.pt", "state_dict"),
        ("legacy.pth", "state_dict"),
        ("training.pt", "state_dict"),
        ("module.pt", "pickle"),
        ("weights.safetensors", "safetensors"),
    ],
)
def test_each_format_is_detected_by_content(models: Path, tmp_path: Path, name: str, format: str) -> None:
    shutil.copy(models / name, tmp_path / "model")
    for path in (models / name, tmp_path / "model"):
        detection = detect(DetectRequest(path))
        assert detection is not None
        assert detection.format == format


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"import os\n", b'\x09\0\0\0\0\0\0\0{"'])
def test_other_files_are_not(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert detect(DetectRequest(tmp_path / "file")) is None
    assert detect(DetectRequest(tmp_path)) is None


def test_a_program_says_everything(models: Path) -> None:
    import torch

    inspection = look(models / "program.pt2")
    assert inspection.signature is not None
    assert inspection.signature.inputs == X
    assert inspection.signature.outputs == (TensorSpec("output", "float32", (None, 3)),)
    assert inspection.signature.batch
    assert inspection.written_by == f"torch {torch.__version__}"
    assert inspection.weights_bytes == (12 + 3) * 4 + 2 * 8
    assert codes(inspection) == []


def test_a_programs_keywords_and_dict_keep_their_names(models: Path) -> None:
    inspection = look(models / "two.pt2")
    signature = inspection.signature
    assert signature is not None
    assert [(spec.name, spec.dtype) for spec in signature.inputs] == [("left", "float32"), ("right", "float16")]
    assert [(spec.name, spec.dtype) for spec in signature.outputs] == [("sum", "float32"), ("more", "bool")]
    assert (inspection.load["args"], inspection.load["kwargs"]) == (["left"], ["right"])


def test_a_programs_shapes_are_those_of_the_loaded_program(models: Path) -> None:
    import torch

    for file in sorted(models.glob("*.pt2")):
        program = torch.export.load(file)
        fakes = {node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"}
        signature = look(file).signature
        assert signature is not None
        truth = [fakes[name] for name in program.graph_signature.user_inputs if isinstance(name, str)]
        assert [spec.dtype for spec in signature.inputs] == [str(fake.dtype).removeprefix("torch.") for fake in truth]
        shapes = [tuple(size if isinstance(size, int) else None for size in fake.shape) for fake in truth]
        assert [spec.shape for spec in signature.inputs] == shapes


def test_a_program_without_open_axis_has_no_batch(models: Path) -> None:
    signature = look(models / "fixed.pt2").signature
    assert signature is not None
    assert signature.inputs[0].shape == (2, 4)
    assert not signature.batch


def test_a_programs_row_limit_is_a_warning(models: Path) -> None:
    (finding,) = look(models / "few.pt2").findings
    assert (finding.level, finding.hint) == (Level.WARNING, "batching: {max_batch_size: 8}")


def test_torchscript_proposes_what_it_does_not_say(models: Path) -> None:
    for name in ("traced.pt", "scripted.pt"):
        (finding,) = look(models / name).findings
        assert finding.code == "SW1213"
        assert finding.hint is not None
        assert finding.hint.split("\n")[1:] == [
            "inputs:",
            "  x: {dtype: float32, shape: [null, 4]}",
            "outputs:",
            "  output: {dtype: float32, shape: [null, 3]}",
        ]


def test_a_proposal_comes_from_the_first_and_the_last_layer(models: Path) -> None:
    (finding,) = look(models / "deep.pt").findings
    assert finding.hint is not None
    assert "image: {dtype: float32, shape: [null, 3, null, null]}" in finding.hint
    assert "output: {dtype: float32, shape: [null, 5]}" in finding.hint


def test_torchscript_with_a_declaration_is_complete(models: Path) -> None:
    inspection = look(models / "scripted.pt", inputs=X, outputs=SCORES)
    assert inspection.signature is not None
    assert (inspection.signature.inputs, inspection.signature.outputs) == (X, SCORES)
    assert inspection.signature.batch
    assert inspection.load == {"args": ["x"]}
    assert codes(inspection) == []


def test_torchscript_knows_the_names_and_number_of_its_tensors(models: Path) -> None:
    other = (*X, TensorSpec("mask", "bool", (None, 4)))
    assert codes(look(models / "scripted.pt", inputs=other, outputs=SCORES)) == ["SW1214"]
    assert codes(look(models / "pair.pt", inputs=X, outputs=SCORES)) == ["SW1214"]


def test_strings_are_refused_since_torch_has_none(models: Path) -> None:
    inspection = look(models / "scripted.pt", inputs=(TensorSpec("x", "string", (None,)),), outputs=SCORES)
    assert inspection.signature is None
    assert codes(inspection) == ["SW1217"]


def test_what_is_proposed_has_the_weights_dtype(tmp_path: Path) -> None:
    import torch

    torch.save(torch.nn.Linear(4, 3).half().state_dict(), tmp_path / "half.pt")
    hints = [finding.hint or "" for finding in look(tmp_path / "half.pt").findings]
    assert any("x: {dtype: float16, shape: [null, 4]}" in hint for hint in hints)
    assert any("output: {dtype: float16, shape: [null, 3]}" in hint for hint in hints)


def test_weights_need_the_file_that_defines_their_network(models: Path) -> None:
    inspection = look(models / "weights.pt", inputs=X, outputs=SCORES)
    assert codes(inspection) == ["SW1218"]
    assert "module: net.py" in (inspection.findings[0].hint or "")


@pytest.mark.parametrize("name", ["weights.pt", "legacy.pth", "training.pt", "weights.safetensors"])
def test_weights_with_their_module_are_complete(models: Path, name: str) -> None:
    options = {"module": str(models / "net.py")}
    inspection = look(models / name, inputs=X, outputs=SCORES, options=options)
    assert codes(inspection) == []
    assert inspection.signature is not None
    assert inspection.load["factory"] == "Net"
    assert inspection.load["args"] == ["x"]
    assert inspection.load["keys"] == (["model_state_dict"] if name == "training.pt" else [])
    assert inspection.files == {"model_module/net.py": models / "net.py"}
    assert inspection.weights_bytes == (12 + 3) * 4 + 2 * 8


def test_inputs_are_compared_with_the_modules_forward(models: Path) -> None:
    options = {"module": str(models / "net.py")}
    declared = (*X, TensorSpec("mask", "bool", (None,)))
    assert codes(look(models / "weights.pt", inputs=declared, outputs=SCORES, options=options)) == ["SW1214"]


@pytest.mark.parametrize(
    ("source", "factory", "message"),
    [
        ("x = 1", None, "exactly one torch.nn.Module class; it defines none"),
        ("from torch import nn\nclass A(nn.Module): ...\nclass B(nn.Module): ...", None, "it defines A, B"),
        ("def make(): ...", "build", "no class or function 'build'; it has make"),
        ("def make(width): ...", "make", "needs the arguments width"),
        ("class A(Module):\n def __init__(self, n, *, m): ...\nclass B(A): ...", "B", "needs the arguments n, m"),
        ("def make(:", "make", "line 1 is no Python"),
    ],
)
def test_a_module_that_cannot_build_the_network_is_refused(
    models: Path, tmp_path: Path, source: str, factory: str | None, message: str
) -> None:
    (tmp_path / "net.py").write_text(source)
    options = {"module": str(tmp_path / "net.py"), "factory": factory}
    (finding,) = look(models / "weights.pt", inputs=X, outputs=SCORES, options=options).findings
    assert finding.code == "SW1218"
    assert message in finding.message


def test_a_missing_module_is_named(models: Path, tmp_path: Path) -> None:
    options = {"module": str(tmp_path / "none.py")}
    (finding,) = look(models / "weights.pt", inputs=X, outputs=SCORES, options=options).findings
    assert "none.py cannot be read" in finding.message


def test_a_module_is_read_and_not_run(models: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("raise SystemExit\ndef make(): ...")
    options = {"module": str(tmp_path / "net.py"), "factory": "make"}
    assert codes(look(models / "weights.pt", inputs=X, outputs=SCORES, options=options)) == []


def test_a_pickled_module_needs_consent(models: Path) -> None:
    assert codes(look(models / "module.pt", inputs=X, outputs=SCORES)) == ["SW1215"]
    options = {"module": str(models / "net.py"), "allow_pickle": True}
    inspection = look(models / "module.pt", inputs=X, outputs=SCORES, options=options)
    assert codes(inspection) == []
    assert inspection.load["pickle"] is True


def test_a_file_without_a_state_dict_says_what_it_holds(models: Path) -> None:
    (finding,) = look(models / "nothing.pt", inputs=X, outputs=SCORES).findings
    assert "it holds epoch" in finding.message


def test_weights_saved_on_a_gpu_are_noted(models: Path, tmp_path: Path) -> None:
    def on_gpu(data: bytes) -> bytes:
        return data.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")

    path = rewrite(models / "weights.pt", tmp_path / "weights.pt", "data.pkl", on_gpu)
    options = {"module": str(models / "net.py")}
    assert codes(look(path, inputs=X, outputs=SCORES, options=options), Level.INFO) == ["SW1220"]


class Hostile:
    """Runs a command when it is unpickled: it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def test_a_hostile_pickle_is_only_looked_at(tmp_path: Path) -> None:
    import torch

    marker = tmp_path / "was-here"
    torch.save({"weight": torch.zeros(2), "x": Hostile(marker)}, tmp_path / "weights.pt")
    assert look(tmp_path / "weights.pt").signature is None
    assert "posix.system" in names(pickle.dumps(Hostile(marker)))
    assert not marker.exists()


def test_a_program_with_a_hostile_sample_is_refused(models: Path, tmp_path: Path) -> None:
    import torch

    buffer = io.BytesIO()
    torch.save(Hostile(tmp_path / "was-here"), buffer)
    hostile = buffer.getvalue()
    path = rewrite(models / "program.pt2", tmp_path / "m.pt2", "sample_inputs/model.pt", lambda _: hostile)
    (finding,) = look(path).findings
    assert finding.code == "SW1215"
    assert "posix.system" in finding.message
    assert codes(look(path, options={"allow_pickle": True})) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Symbol('s", "__import__('os').system('true') or Symbol('s"),
        ("torch.ops.aten.linear.default", "torch.hub.load"),
        ('"guards_code": []', '"guards_code": ["open(\'/etc/passwd\')"]'),
    ],
)
def test_a_program_that_evaluates_more_than_sizes_is_refused(models: Path, tmp_path: Path, old: str, new: str) -> None:
    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode())

    path = rewrite(models / "program.pt2", tmp_path / "m.pt2", "models/model.json", change)
    assert codes(look(path)) == ["SW1215"]


def test_pickled_weights_in_a_program_need_consent(models: Path, tmp_path: Path) -> None:
    def change(data: bytes) -> bytes:
        return data.replace(b'"use_pickle": false', b'"use_pickle": true')

    path = rewrite(models / "program.pt2", tmp_path / "m.pt2", "model_weights_config.json", change)
    assert codes(look(path)) == ["SW1215"]


def test_weights_may_begin_as_a_pickle_does(models: Path, tmp_path: Path) -> None:
    import torch

    def change(data: bytes) -> bytes:
        return b"\x80" + data[1:]

    path = rewrite(models / "program.pt2", tmp_path / "m.pt2", "data/weights/weight_0", change)
    assert codes(look(path)) == []
    torch.export.load(path)


@pytest.mark.parametrize(
    ("file", "pickled"), [("opaque_obj_0", "false"), ("custom_obj_0", "false"), ("tensor_0", "true")]
)
def test_constants_that_torch_unpickles_need_consent(models: Path, tmp_path: Path, file: str, pickled: str) -> None:
    def change(_: bytes) -> bytes:
        return f'{{"config": {{"c": {{"path_name": "{file}", "use_pickle": {pickled}}}}}}}'.encode()

    path = rewrite(models / "program.pt2", tmp_path / "m.pt2", "model_constants_config.json", change)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"program/data/constants/{file}", b"cposix\nsystem\n(S'true'\ntR.")
    assert codes(look(path)) == ["SW1215"]


def test_a_sample_in_the_oldest_pickle_protocol_is_looked_at(models: Path, tmp_path: Path) -> None:
    hostile = pickle.dumps(Hostile(tmp_path / "was-here"), protocol=0)
    path = rewrite(models / "program.pt2", tmp_path / "m.pt2", "sample_inputs/model.pt", lambda _: hostile)
    assert codes(look(path)) == ["SW1215"]


def test_every_function_of_torchs_own_sizes_is_plain() -> None:
    from torch.utils._sympy import functions

    sympy = import_module("sympy")  # without types
    kinds = [kind for kind in vars(functions).values() if isinstance(kind, type) and issubclass(kind, sympy.Basic)]
    ours = [kind.__name__ for kind in kinds if kind.__module__ == functions.__name__]
    assert "FloorDiv" in ours
    assert [name for name in ours if not is_plain(f"{name}(Integer(1))")] == []


def test_a_program_with_open_height_and_width_is_plain(models: Path) -> None:
    inspection = look(models / "picture.pt2")
    assert inspection.signature is not None
    assert inspection.signature.inputs[0].shape == (None, 3, None, None)
    assert codes(inspection) == []  # what height and width may be at most says nothing of the rows


@pytest.mark.parametrize("text", ["Symbol('s77', positive=True, integer=True)", "L['a'].size()[0] == L['b'].size()[0]"])
def test_what_torch_writes_is_plain(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "L['a'].__class__",
        "eval('1')",
        "(lambda: 1)()",
        "[x for x in ()]",
        "Symbol.func('x')",
        "L['f']()",
        "x := 1",
        "(",
        "f'{x}'",
    ],
)
def test_anything_else_is_not(text: str) -> None:
    assert not is_plain(text)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["scripted.pt", "program.pt2", "weights.pt", "legacy.pth", "weights.safetensors"])
def test_a_truncated_file_is_a_finding(models: Path, tmp_path: Path, name: str, share: float) -> None:
    content = (models / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    options = {"module": str(models / "net.py")}
    inspection = look(tmp_path / name, inputs=X, outputs=SCORES, options=options)
    if name == "legacy.pth" and share > 0.5:
        return  # its numbers come last, without their length: only loading shows it
    assert codes(inspection) == ["SW1211"]


@pytest.mark.parametrize("program", ["[]", "{}", '{"graph_module": 3}', '{"graph_module": {"graph": []}}', "nonsense"])
def test_a_program_laid_out_otherwise_is_a_finding(models: Path, tmp_path: Path, program: str) -> None:
    path = rewrite(models / "program.pt2", tmp_path / "m.pt2", "models/model.json", lambda _: program.encode())
    assert codes(look(path))[0] in ("SW1211", "SW1217")


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_pickle_error(data: bytes) -> None:
    with contextlib.suppress(PickleError):
        read_pickle(data)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_read_as_pickle_loads_them(value: object, protocol: int) -> None:
    def plain(data: object) -> object:
        if isinstance(data, list | tuple):
            return type(data)(plain(item) for item in data)
        return data

    read = read_pickle(pickle.dumps(value, protocol=max(protocol, 3)))
    assert plain(read) == value


def test_nothing_imports_a_framework(models: Path) -> None:
    program = """
import sys
from pathlib import Path
from scorewright.framework import DetectRequest, InspectRequest
from scorewright_pytorch import scorewright_frameworks
(framework,) = scorewright_frameworks()
for path in sorted(Path(sys.argv[1]).glob("*.*t*")):
    detection = framework.detect(DetectRequest(path))
    assert detection, path
    framework.inspect(InspectRequest(path, detection.format))
heavy = {"tensorflow", "keras", "torch", "onnx", "onnxruntime", "safetensors"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program, str(models)], check=True)


def test_torchs_numbers_for_dtypes_are_those_of_its_schema() -> None:
    from torch._export.serde.schema import ScalarType

    from scorewright_pytorch.exported import _DTYPES

    torchs = {"BYTE": "uint8", "CHAR": "int8", "SHORT": "int16", "INT": "int32", "LONG": "int64", "HALF": "float16"}
    torchs |= {"FLOAT": "float32", "DOUBLE": "float64", "BOOL": "bool", "BFLOAT16": "bfloat16"}
    torchs |= {"UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64"}
    assert {int(ScalarType[name]): dtype for name, dtype in torchs.items()} == _DTYPES


def test_a_programs_json_is_where_it_is_read(models: Path) -> None:
    import torch

    with zipfile.ZipFile(models / "program.pt2") as archive:
        assert json.loads(archive.read("program/models/model.json"))["torch_version"] == torch.__version__
