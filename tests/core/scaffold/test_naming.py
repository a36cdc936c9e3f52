"""Service names and paths from file names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorewright.scaffold.naming import relative_path, service_name

VALID = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("My Model.onnx", "my-model"),
        ("résumé_v2.pt", "resume-v2"),
        ("42.onnx", "model-42"),
        ("日本.onnx", "model"),
        ("ab.onnx", "ab-model"),
        ("a" * 50 + ".onnx", "a" * 32),
        ("a" * 31 + "-b.onnx", "a" * 31),
    ],
)
def test_a_name_is_made_valid(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).touch()
    assert service_name(tmp_path / file, []) == name


def test_a_folder_keeps_what_looks_like_a_suffix(tmp_path: Path) -> None:
    (tmp_path / "resnet.v2").mkdir()
    assert service_name(tmp_path / "resnet.v2", []) == "resnet-v2"


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1), max_size=12))
def test_names_are_always_valid_and_unique(files: list[str]) -> None:
    names: list[str] = []
    for file in files:
        names.append(service_name(Path(file), names))
    assert len(set(names)) == len(names)
    assert all(VALID.fullmatch(name) and 3 <= len(name) <= 32 for name in names)


@pytest.mark.parametrize("where", ["m.onnx", "models/m.onnx", "../m.onnx", "~m/x.onnx"])
def test_a_relative_path_leads_to_the_same_file(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    model = folder / where
    model.parent.mkdir(exist_ok=True)
    model.touch()
    written = relative_path(model, folder)
    assert not written.startswith(("~", "/"))
    assert (folder / written).samefile(model)


def test_a_path_through_links_leads_to_the_same_file(tmp_path: Path) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "far" / "m.onnx").touch()
    (tmp_path / "project").symlink_to(tmp_path / "far" / "away")
    written = relative_path(tmp_path / "far" / "m.onnx", tmp_path / "project")
    assert (tmp_path / "project" / written).samefile(tmp_path / "far" / "m.onnx")


def test_the_current_folder_can_be_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert relative_path(Path("."), tmp_path.parent) == tmp_path.name
