"""What a server finds: the files of the cloud's container, and an environment without the caller's secrets."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright_local.files import read_json
from scorewright_local.layout import read_versions

if TYPE_CHECKING:
    import pytest
    from tests.plugins.local.conftest import Workbench


def test_the_app_root_is_laid_out_as_in_the_container(bench: Workbench) -> None:
    bundle = bench.bundle(model={"path": str(bench.folder / "model.txt"), "name": "Digits_1"})
    bench.up(bundle)

    environ = bench.score()["environ"]
    root = Path(environ["AML_APP_ROOT"])
    assert Path(environ["AZUREML_ENTRY_SCRIPT"]) == root / environ["AZUREML_SOURCE_DIRECTORY"] / "score.py"
    assert environ["AZUREML_MODEL_DIR"] == str(root / "azureml-models" / "Digits_1" / "1")
    model = Path(environ["AZUREML_MODEL_DIR"]) / "model.txt"
    assert model.read_text() == "7"
    assert not model.is_symlink()
    assert stat.S_IMODE(model.stat().st_mode) == 0o444
    assert {name: (root / "bundle" / name).read_bytes() for name in bundle.files} == bundle.files


def test_the_callers_secrets_stay_with_the_caller(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s3cret")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    bench.up(bench.bundle(env={"OWN": "1", "WORKER_COUNT": "1"}, timeout_ms=1234))

    environ = bench.score()["environ"]

    assert "AZURE_CLIENT_SECRET" not in environ
    assert "PYTHONPATH" not in environ
    assert "s3cret" not in environ.values()
    assert (environ["FROM_BUNDLE"], environ["OWN"], environ["CUDA_VISIBLE_DEVICES"]) == ("yes", "1", "")
    assert (environ["SCORING_TIMEOUT_MS"], environ["SCOREWRIGHT_GPU_DEFAULT"]) == ("1234", "prefer")
    assert environ["HOME"] == os.environ["HOME"]


def test_a_model_that_is_written_over_changes_no_running_service(bench: Workbench) -> None:
    bench.up(bench.bundle())
    (bench.folder / "model.txt").write_text("8")

    assert read_model(bench) == ["7"]
    assert bench.score()["weight"] == 7

    bench.up(bench.bundle())
    assert bench.score()["weight"] == 8
    assert sorted(read_model(bench)) == ["7", "8"]


def read_model(bench: Workbench) -> list[str]:
    """The model files of all versions."""
    return [(version.model / "model.txt").read_text() for version in read_versions(bench.place())]


def test_a_model_keeps_its_number_until_its_content_changes(bench: Workbench) -> None:
    numbers = []
    for content, value in [("7", "a"), ("7", "b"), ("8", "c"), ("8", "d"), ("9", "e")]:
        (bench.folder / "model.txt").write_text(content)
        numbers.append(bench.up(bench.bundle(value)).info["model"])

    assert numbers == ["digits:1", "digits:1", "digits:2", "digits:2", "digits:3"]


def test_versions_with_the_same_model_share_one_copy(bench: Workbench) -> None:
    bench.up(bench.bundle("a"))
    bench.up(bench.bundle("b"))

    files = [version.model / "model.txt" for version in read_versions(bench.place())]
    assert len({file.stat().st_ino for file in files}) == 1
    assert (bench.folder / "model.txt").stat().st_ino != files[0].stat().st_ino


def test_a_model_folder_is_copied_whole_with_what_its_links_lead_to(bench: Workbench) -> None:
    (bench.folder / "model" / "variables").mkdir(parents=True)
    (bench.folder / "model" / "variables" / "data").write_text("1")
    (bench.folder / "weights").write_text("2")
    (bench.folder / "model" / "weights").symlink_to(bench.folder / "weights")
    bundle = bench.bundle(score="def init():\n    pass\ndef run(data):\n    return 1\n")
    bench.up(type(bundle)(**{**vars(bundle), "model_path": bench.folder / "model"}))

    (version,) = read_versions(bench.place())
    copied = version.model / "model"
    assert (copied / "variables" / "data").read_text() == "1"
    assert (copied / "weights").read_text() == "2"
    assert not (copied / "weights").is_symlink()


def test_files_that_hold_environment_values_are_for_their_owner_alone(bench: Workbench) -> None:
    bench.up(bench.bundle(env={"TOKEN": "t0ken"}))

    (version,) = read_versions(bench.place())
    launch = version.folder / "launch.json"
    assert read_json(launch)["environment"]["TOKEN"] == "t0ken"
    assert stat.S_IMODE(launch.stat().st_mode) == 0o600
