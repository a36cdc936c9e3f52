"""The model is found wherever the cloud put it, or the failure lists what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scorewright_runtime import StartError
from scorewright_runtime.modeldir import locate

if TYPE_CHECKING:
    from pathlib import Path


def put(root: Path, *names: str) -> Path:
    """Make empty files, and return the root."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def test_one_models_version_folder(tmp_path: Path) -> None:
    root = put(tmp_path, "azureml-models/digits/12/model.onnx") / "azureml-models/digits/12"
    found = locate({"name": "digits", "file": "model.onnx"}, str(root))
    assert found == (root / "model.onnx", "digits", "12")


def test_several_models_newest_version(tmp_path: Path) -> None:
    names = ["azureml-models/digits/9/m.pt", "azureml-models/digits/10/m.pt", "azureml-models/other/99/m.pt"]
    root = put(tmp_path, *names) / "azureml-models"
    assert locate({"name": "digits", "file": "m.pt"}, str(root)).version == "10"


def test_a_file_at_another_depth(tmp_path: Path) -> None:
    root = put(tmp_path, "v/outer/inner/saved/keras.h5", "v/outer/readme.txt") / "v"
    assert locate({"name": "digits", "file": "saved"}, str(root)).path == root / "outer/inner/saved"


def test_the_shallowest_of_several_is_meant(tmp_path: Path) -> None:
    root = put(tmp_path, "a/model.onnx", "a/b/model.onnx")
    assert locate({"name": "digits", "file": "model.onnx"}, str(root)).path == root / "a/model.onnx"


def test_a_registered_model_without_a_file_name(tmp_path: Path) -> None:
    one = put(tmp_path / "one", "model.onnx")
    several = put(tmp_path / "several", "saved_model.pb", "variables/variables.index")
    assert locate({"name": "digits", "file": None}, str(one)).path == one / "model.onnx"
    assert locate({"name": "digits", "file": None}, str(several)).path == several


def test_a_missing_file_is_named_with_what_is_there(tmp_path: Path) -> None:
    put(tmp_path, "export/model.pt", "export/labels.txt")
    with pytest.raises(StartError) as caught:
        locate({"name": "digits", "file": "model.onnx"}, str(tmp_path))
    for part in ("SW1502", "'model.onnx' is not below", "export/model.pt", "export/labels.txt"):
        assert part in str(caught.value)


def test_an_ambiguous_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a/m.onnx", "b/m.onnx")
    with pytest.raises(StartError, match="more than once"):
        locate({"name": "digits", "file": "m.onnx"}, str(tmp_path))


def test_no_model_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZUREML_MODEL_DIR", raising=False)
    with pytest.raises(StartError, match="AZUREML_MODEL_DIR is not set"):
        locate({"name": "digits", "file": "m.onnx"})
    with pytest.raises(StartError, match="does not exist"):
        locate({"name": "digits", "file": "m.onnx"}, str(tmp_path / "nowhere"))
    with pytest.raises(StartError, match="is empty"):
        locate({"name": "digits", "file": None}, str(tmp_path))
