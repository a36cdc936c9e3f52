"""The hash of a model depends on its names and bytes and on nothing else."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from scorewright.errors import ModelError
from scorewright.hashing import hash_file, hash_model, model_files

if TYPE_CHECKING:
    from pathlib import Path

BIG = 9 << 20


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for the cache."""
    monkeypatch.setenv("SCOREWRIGHT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data").write_bytes(b"weights")
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        hash_model(path)
    assert caught.value.code == "SW1285"
    return str(caught.value.cause)


def test_a_copy_elsewhere_made_in_another_order_has_the_same_hash(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "copy"
    (copy / "variables").mkdir(parents=True)
    shutil.copyfile(model / "variables" / "data", copy / "variables" / "data")
    shutil.copyfile(model / "saved_model.pb", copy / "saved_model.pb")
    os.utime(copy / "saved_model.pb", (1, 1))
    assert hash_model(copy) == hash_model(model)


@pytest.mark.parametrize("change", ["bytes", "name", "place", "more", "less"])
def test_every_difference_in_content_shows(model: Path, change: str) -> None:
    before = hash_model(model)
    data = model / "variables" / "data"
    if change == "bytes":
        data.write_bytes(b"weighty")
    elif change == "name":
        data.rename(data.with_name("data2"))
    elif change == "place":
        data.rename(model / "data")
    elif change == "more":
        (model / "empty").write_bytes(b"")
    else:
        data.unlink()
    assert hash_model(model) != before


def test_the_boundary_between_name_and_content_counts(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "ab").write_bytes(b"c")
    (two / "a").write_bytes(b"bc")
    assert hash_model(one) != hash_model(two)


def test_hidden_files_and_caches_are_neither_registered_nor_hashed(model: Path) -> None:
    before = hash_model(model)
    (model / ".git").mkdir()
    (model / ".git" / "config").write_text("x")
    (model / ".DS_Store").write_text("x")
    (model / "variables" / "__pycache__").mkdir()
    (model / "variables" / "__pycache__" / "net.pyc").write_text("x")
    assert hash_model(model) == before
    assert list(model_files(model)) == ["saved_model.pb", "variables/data"]


def test_a_model_file_is_one_entry_even_if_hidden(tmp_path: Path) -> None:
    path = tmp_path / ".model.onnx"
    path.write_bytes(b"x")
    assert model_files(path) == {".model.onnx": path}


def test_links_within_the_model_count_as_what_they_lead_to(model: Path) -> None:
    (model / "again").symlink_to("variables", target_is_directory=True)
    (model / "same.pb").symlink_to("saved_model.pb")
    assert list(model_files(model)) == ["again/data", "same.pb", "saved_model.pb", "variables/data"]


def test_a_link_out_of_the_model_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (model / "innocent").symlink_to("../secret")
    assert refusal(model) == "innocent is a link that leads out of the folder"


def test_a_link_to_a_sibling_whose_name_begins_alike_is_refused(model: Path) -> None:
    sibling = model.with_name("model-2")
    sibling.mkdir()
    (model / "other").symlink_to(sibling, target_is_directory=True)
    assert "leads out" in refusal(model)


def test_a_link_in_a_circle_is_refused(model: Path) -> None:
    (model / "variables" / "up").symlink_to("..", target_is_directory=True)
    assert refusal(model) == "the link variables/up leads back to a folder that it is in"


def test_a_link_to_nowhere_is_refused(model: Path) -> None:
    (model / "gone").symlink_to("nothing")
    assert "FileNotFoundError" in refusal(model)


def test_what_is_neither_file_nor_folder_is_refused(model: Path) -> None:
    os.mkfifo(model / "pipe")
    assert refusal(model) == "pipe is neither a file nor a folder"


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty" / ".hidden").mkdir(parents=True)
    assert "holds no file" in refusal(tmp_path / "empty")


def test_a_large_file_is_read_once_and_again_when_it_changed(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(BIG))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    first = hash_file(path)
    (remembered,) = (home / "cache" / "hashes").iterdir()
    # What is remembered is what is answered: a made-up memory shows that the file was not read.
    remembered.write_text(remembered.read_text().replace(first, "0" * 64))
    assert hash_file(path) == "0" * 64
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert hash_file(path) not in (first, "0" * 64)


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(BIG))
    hash_file(path)
    assert not (home / "cache").exists()


@pytest.mark.parametrize("memory", ["", "[]", '{"stamp": 1}', "\x00"])
def test_a_damaged_memory_is_passed_over(tmp_path: Path, home: Path, memory: str) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(BIG))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    first = hash_file(path)
    (remembered,) = (home / "cache" / "hashes").iterdir()
    remembered.write_text(memory)
    assert hash_file(path) == first


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, home: Path) -> None:
    home.write_text("a file where the folder should be")
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(BIG))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert len(hash_file(path)) == 64
