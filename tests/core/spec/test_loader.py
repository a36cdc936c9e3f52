"""Loading: merging files, paths, and where keys stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scorewright.errors import SpecError
from scorewright.findings import Location
from scorewright.spec import Spec, load

if TYPE_CHECKING:
    from .conftest import Faults, Load


def test_a_minimal_file_has_the_documented_defaults(load_texts: Load, service: str) -> None:
    mnist = load_texts(service).services["mnist"]
    assert (mnist.gpu, mnist.output, mnist.auth, mnist.timeout_ms, mnist.replicas) == (None, "raw", "key", 60000, None)
    assert mnist.batching is not False
    assert mnist.batching.max_batch_size == 32
    assert mnist.probes.initial_delay_seconds == 310


def test_paths_are_relative_to_the_file_that_says_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, other = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    other.mkdir()
    (folder / "base.yaml").write_text("scorewright: 1\nservices: {mnist: {model: {path: m.onnx}, handler: h.py}}\n")
    (other / "prod.yaml").write_text("services: {mnist: {handler: ../h2.py}}\n")
    monkeypatch.chdir(tmp_path)
    spec = load(["a/base.yaml", "b/prod.yaml"], sets=["services.mnist.sample.input=s.json"])
    mnist = spec.services["mnist"]
    assert mnist.model.path == folder / "m.onnx"
    assert mnist.handler == other / ".." / "h2.py"
    assert mnist.sample is not None
    assert mnist.sample.input == tmp_path / "s.json"
    assert spec.origin.files == (Path("a/base.yaml"), Path("b/prod.yaml"))
    assert spec.origin.root == folder


def test_a_home_folder_is_expanded(load_texts: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    spec = load_texts("scorewright: 1\nservices: {mnist: {model: {path: ~/m.onnx}}}")
    assert spec.services["mnist"].model.path == tmp_path / "home" / "m.onnx"


def test_the_home_of_nobody_is_an_ordinary_name(load_texts: Load, tmp_path: Path) -> None:
    spec = load_texts("scorewright: 1\nservices: {mnist: {model: {path: ~no-such-user/m.onnx}}}")
    assert spec.services["mnist"].model.path == tmp_path / "~no-such-user" / "m.onnx"


def test_later_files_win_and_mappings_merge(load_texts: Load, service: str) -> None:
    base = service + "    resources: {cpu: 4, memory_gb: 8}\n    packages: {pip: [a, b]}\n    tags: {team: x}\n"
    over = "services: {mnist: {resources: {cpu: 1}, packages: {pip: [c]}, tags: {stage: prod}}}"
    mnist = load_texts(base, over).services["mnist"]
    assert (mnist.resources.cpu, mnist.resources.memory_gb) == (1, 8)
    assert mnist.packages.pip == ["c"]
    assert mnist.tags == {"team": "x", "stage": "prod"}


def test_a_null_in_a_later_file_resets_to_the_default(load_texts: Load, service: str) -> None:
    base = service + "    replicas: 3\n    timeout_ms: 5\n  other:\n    model: {name: x}\n"
    over = "services: {mnist: {replicas: null, timeout_ms: ~, probes: null, autoscale: {max: 4}}, other: null}"
    spec = load_texts(base, over)
    mnist = spec.services["mnist"]
    assert (mnist.replicas, mnist.timeout_ms, mnist.probes.success) == (None, 60000, 1)
    assert mnist.autoscale is not None
    assert list(spec.services) == ["mnist"]


def test_a_null_inside_a_list_stays(load_texts: Load, service: str) -> None:
    over = "services: {mnist: {inputs: {x: {shape: [null, 784]}}}}"
    inputs = load_texts(service, over).services["mnist"].inputs
    assert inputs is not None
    assert inputs["x"].shape == [None, 784]


def test_every_key_and_value_keeps_its_place_across_files(load_texts: Load, service: str) -> None:
    origin = load_texts(service + "    replicas:   2\n", "services:\n  mnist:\n    gpu: 'off'\n").origin
    assert origin.locate("services", "mnist", "replicas") == Location(Path("a.yaml"), 5, 5)
    assert origin.values["services", "mnist", "replicas"] == Location(Path("a.yaml"), 5, 17)
    assert origin.locate("services", "mnist", "gpu") == Location(Path("b.yaml"), 3, 5)
    assert origin.locate("services", "mnist") == Location(Path("a.yaml"), 3, 3)
    assert origin.locate("services", "mnist", "auth") == Location(Path("a.yaml"), 3, 3)


def test_narrowing_to_a_service_keeps_the_origin(load_texts: Load, service: str) -> None:
    spec = load_texts(service + "  other:\n    model: {name: x}\n")
    narrowed = spec.only(["other"])
    assert list(narrowed.services) == ["other"]
    assert narrowed.origin is spec.origin


def test_one_path_may_be_text_or_a_path(tmp_path: Path, service: str) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(service)
    assert load(str(file)) == load(file) == load([file])
    with pytest.raises(ValueError, match="no deploy file"):
        load([])


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "deploy.yml").write_text("")
    with pytest.raises(SpecError) as caught:
        load(tmp_path / "deploy.yaml")
    (fault,) = caught.value.findings
    assert fault.code == "SW1008"
    assert "No such file" in fault.message
    assert fault.hint is not None
    assert "deploy.yml" in fault.hint


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path)
    (fault,) = caught.value.findings
    assert fault.code == "SW1008"
    assert fault.hint is not None
    assert str(tmp_path / "deploy.yaml") in fault.hint


def test_all_unreadable_files_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [")
    with pytest.raises(SpecError) as caught:
        load([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert [fault.code for fault in caught.value.findings] == ["SW1005", "SW1008"]


def test_faults_come_in_the_order_of_the_files(faults: Faults, service: str) -> None:
    found = faults(service + "    zeta: 1\n    alpha: 1\n", "extra: 1\n", sets=("other=1",))
    places = [str(fault.location) for fault in found]
    assert places == ["a.yaml:5:5", "a.yaml:6:5", "b.yaml:1:1", "--set other"]


def test_secrets_of_env_are_not_in_the_repr(load_texts: Load, service: str) -> None:
    spec = load_texts(service + "    env: {TOKEN: hunter2}\n")
    assert spec.services["mnist"].env == {"TOKEN": "hunter2"}
    assert "hunter2" not in repr(spec)


def test_importing_the_origin_does_not_import_pydantic() -> None:
    code = "import sys, scorewright.spec.origin; sys.exit('pydantic' in sys.modules or 'ruamel.yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_exports_its_names() -> None:
    import scorewright.spec

    assert scorewright.spec.Spec is Spec
    with pytest.raises(AttributeError, match="nothing"):
        _ = scorewright.spec.nothing


def test_the_error_itself_tells_every_fault(tmp_path: Path, service: str) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(service + "    zzz: 1\n    replicas: 0\n")
    with pytest.raises(SpecError) as caught:
        load(file)
    assert str(caught.value).splitlines() == [
        f"{file} has 2 faults",
        f"  {file}:5:5: SW1002 services.mnist.zzz: unknown key",
        f"  {file}:6:15: SW1003 services.mnist.replicas: 0 is not allowed; allowed: a whole number from 1 to 1000",
    ]
