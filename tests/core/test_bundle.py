"""A bundle has the same bytes everywhere, its hash says what is in it, and writing it harms nothing."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from scorewright.bundle import Bundle, build, render
from scorewright.errors import CheckError, PluginError, ScorewrightError
from scorewright.framework import Requirement, Script, ScriptRequest
from scorewright.plugins import PluginManager
from scorewright.resolve import ResolvedService, resolve
from scorewright.server_stack import JSON, LANE
from scorewright.spec import load
from scorewright.testing import echo

if TYPE_CHECKING:
    from pathlib import Path

WORKER = "--pythonpath bundle,/var/azureml-app/bundle -k scorewright_runtime.lane.Worker"
FAST = {
    "GUNICORN_CMD_ARGS": f"{WORKER} --keep-alive 75",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "2",
}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1).map(str.strip).filter(bool)


def resolved(folder: Path, **service: Any) -> ResolvedService:  # noqa: ANN401 - keys of the deploy file
    """The resolved service ``mnist`` of a deploy file; what the test does not say is the model alone."""
    if not (folder / "model.echo").exists():
        echo.write_model(folder / "model.echo")
    plugins = PluginManager()
    plugins.register(echo)
    path = folder / "deploy.yaml"
    path.write_text(json.dumps({"scorewright": 1, "services": {"mnist": {"model": {"path": "model.echo"}, **service}}}))
    found = resolve(load(path), plugins)
    assert found.findings == ()
    return found.services["mnist"]


def bundle(folder: Path, **service: Any) -> Bundle:  # noqa: ANN401 - keys of the deploy file
    return build(resolved(folder, **service))


def literal(made: Bundle) -> dict[str, Any]:
    """The value of CONFIG in a bundle's score.py."""
    for node in ast.parse(made.files["score.py"]).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CONFIG":
            value: dict[str, Any] = ast.literal_eval(node.value)
            return value
    raise AssertionError("score.py has no CONFIG")


SCRIPT = """
import sys
from scorewright import PluginManager, load, render
from scorewright.testing import echo
plugins = PluginManager()
plugins.register(echo)
bundle = render(load(sys.argv[1]), "mnist", plugins=plugins)
print(bundle.hash, bundle.environment_hash)
bundle.write(sys.argv[2])
"""


def test_the_bytes_are_the_same_in_another_process_folder_time_zone_and_place(tmp_path: Path) -> None:
    made = []
    for number, (zone, seed) in enumerate([("Asia/Tokyo", "0"), ("America/Lima", "12345")]):
        project = tmp_path / f"project-{number}" / ("deep/" * number)
        project.mkdir(parents=True)
        (project / "labels.txt").write_text("zero\none\ntwo\n")
        (project / "handler.py").write_text("def postprocess(outputs):\n    return 1\n")
        output = {"top_k": 2, "labels": "labels.txt"}
        tags = {"b": "2", "a": "1"} if number else {"a": "1", "b": "2"}
        resolved(project, output=output, handler="handler.py", env=tags)
        target = tmp_path / f"out-{number}"
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(project / "deploy.yaml"), str(target)],
            cwd=tmp_path if number else project,
            env={**os.environ, "TZ": zone, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        files = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
        made.append((done.stdout, files))
    assert made[0] == made[1]
    assert not [name for name, data in made[0][1].items() if str(tmp_path).encode() in data]


def test_the_manifest_lists_every_other_file_and_the_hashes(tmp_path: Path) -> None:
    made = bundle(tmp_path)
    manifest = json.loads(made.files["manifest.json"])
    assert manifest == made.manifest
    assert (manifest["hash"], manifest["environment_hash"]) == (made.hash, made.environment_hash)
    assert manifest["files"] == {
        name: hashlib.sha256(data).hexdigest() for name, data in made.files.items() if name != "manifest.json"
    }
    assert manifest["model"] == {"name": "mnist", "hash": made.model_hash, "file": "model.echo"}
    assert manifest["python"]["version"] in manifest["python"]["supported"]


def test_the_runtime_is_beside_the_script_as_it_stands(tmp_path: Path) -> None:
    import scorewright_runtime

    made = bundle(tmp_path)
    folder = os.path.dirname(scorewright_runtime.__file__)
    with open(os.path.join(folder, "service.py"), "rb") as file:
        assert made.files["scorewright_runtime/service.py"] == file.read()
    assert "scorewright_runtime/__init__.py" in made.files
    assert {name.rsplit(".", 1)[1] for name in made.files if name.startswith("scorewright_runtime/")} == {"py"}


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 3},
        {"tags": {"team": "vision"}},
        {"auth": "none"},
        {"probes": {"period_seconds": 5}},
        {"max_concurrent_requests": 4},
        {"app_insights": True},
    ],
)
def test_what_is_not_in_the_container_does_not_change_the_hash(tmp_path: Path, change: dict[str, Any]) -> None:
    assert bundle(tmp_path, **change).hash == bundle(tmp_path).hash


@pytest.mark.parametrize(
    ("change", "environment_too"),
    [
        ({"output": "argmax"}, False),
        ({"timeout_ms": 1000}, False),
        ({"gpu": "off"}, False),
        ({"batching": False}, False),
        ({"env": {"A": "1"}}, True),
        ({"packages": {"pip": ["six==1.17.0"]}}, True),
        ({"packages": {"conda": ["ffmpeg"]}}, True),
        ({"image": {"size": [1, 3], "layout": "flat", "mode": "L"}}, True),
    ],
)
def test_what_is_in_the_container_changes_the_hash(
    tmp_path: Path, change: dict[str, Any], environment_too: bool
) -> None:
    before, after = bundle(tmp_path), bundle(tmp_path, **change)
    assert after.hash != before.hash
    assert (after.environment_hash != before.environment_hash) is environment_too


def test_another_model_changes_the_hash_and_not_the_environment(tmp_path: Path) -> None:
    before = bundle(tmp_path)
    # The same width and scale, so that only the bytes of the model differ.
    (tmp_path / "model.echo").write_text((tmp_path / "model.echo").read_text() + "\n")
    after = bundle(tmp_path)
    assert after.files["score.py"] == before.files["score.py"]
    assert after.hash != before.hash
    assert after.environment_hash == before.environment_hash


def test_two_services_with_the_same_packages_share_an_environment(tmp_path: Path) -> None:
    service = resolved(tmp_path)
    assert build(replace(service, name="other")).environment_hash == build(service).environment_hash


def test_a_number_with_and_without_a_point_gives_the_same_bytes(tmp_path: Path) -> None:
    whole = bundle(tmp_path, resources={"cpu": 2}, batching={"max_delay_ms": 2})
    assert bundle(tmp_path, resources={"cpu": 2.0}, batching={"max_delay_ms": 2.0}).files == whole.files


def test_the_targets_gpu_policy_is_not_in_the_bytes(tmp_path: Path) -> None:
    service = resolved(tmp_path)
    assert build(replace(service, gpu="prefer")).files == build(service).files
    assert (literal(build(service))["gpu"], literal(build(service))["gpu_explicit"]) == ("require", False)


def test_the_configuration_says_what_the_deploy_file_does(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes("\ufeffnull\r\neins \r\nzwei\r\n\r\n".encode())
    image = {"size": [1, 3], "mode": "L", "layout": "flat", "scale": 1, "mean": [1]}
    output = {"top_k": 2, "softmax": True, "labels": "labels.txt"}
    found = literal(bundle(tmp_path, output=output, image=image, batching=False, outputs=["y"], gpu="off"))
    assert found["output"] == {"top_k": 2, "softmax": True, "labels": ["null", "eins", "zwei"]}
    assert found["image"] == {
        "size": [1, 3], "mode": "L", "layout": "flat", "scale": 1.0, "mean": [1.0], "std": None,
    }  # fmt: skip
    assert (found["batching"], found["outputs"], found["gpu"], found["gpu_explicit"]) == (False, ["y"], "off", True)
    assert found["model"] == {"name": "mnist", "file": "model.echo"}


def test_all_keys_of_the_configuration_are_documented(tmp_path: Path) -> None:
    page = (os.path.dirname(__file__), "..", "..", "docs", "internals.md")
    with open(os.path.join(*page), encoding="utf-8") as file:
        section = file.read().partition("## Score script and runtime")[2].partition("\n## ")[0]
    table = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert set(literal(bundle(tmp_path))) == {name.strip(" `") for cell in table for name in cell.split(",")}


def test_packages_are_the_frameworks_the_server_and_the_users(tmp_path: Path) -> None:
    service = resolved(tmp_path, packages={"pip": ["Six >= 1.16"], "conda": ["ffmpeg=7"]})
    gpu = Requirement("acme[cuda]==2", "acme==2", index="https://example.org/cuda")
    service = replace(service, resolution=replace(service.resolution, requirements=(gpu,), variables={"B": "2"}))
    made = build(service)
    pip = [
        "--extra-index-url https://example.org/cuda",
        "acme[cuda]==2",
        "azureml-inference-server-http==1.5.1",
        *(requirement.gpu for requirement in (*LANE, *JSON)),
        "numpy>=1.26,<3",
        "Six>=1.16",
    ]
    conda = YAML(typ="safe", pure=True).load(made.files["conda.yml"])
    assert conda["dependencies"] == ["python=3.11", "pip", "ffmpeg=7", {"pip": pip}]
    assert made.environment["pip"] == pip
    assert made.environment["variables"] == {**FAST, "B": "2"}
    assert made.manifest["requirements"][0] == {  # type: ignore[index]
        "gpu": "acme[cuda]==2", "cpu": "acme==2", "same_as": [], "index": "https://example.org/cuda",
        "cpu_index": None,
    }  # fmt: skip


def test_the_users_own_numpy_takes_the_place_of_ours(tmp_path: Path) -> None:
    pip = bundle(tmp_path, packages={"pip": ["NumPy==2.1.0"]}).environment["pip"]
    assert [line for line in pip if "numpy" in str(line).lower()] == ["NumPy==2.1.0"]  # type: ignore[union-attr]


def test_the_users_variables_win(tmp_path: Path) -> None:
    service = resolved(tmp_path, env={"MODE": "mine"})
    service = replace(service, resolution=replace(service.resolution, variables={"MODE": "theirs", "X": "1"}))
    assert build(service).environment["variables"] == {**FAST, "MODE": "mine", "X": "1"}


def test_the_users_own_server_settings_win(tmp_path: Path) -> None:
    variables = bundle(tmp_path, env={"GUNICORN_CMD_ARGS": "-k sync"}).environment["variables"]
    assert variables == {**FAST, "GUNICORN_CMD_ARGS": "-k sync"}


@pytest.mark.parametrize(
    ("change", "threads"),
    [
        ({}, 32),
        ({"gpu": "off"}, 4),
        ({"batching": False}, 4),
        ({"gpu": "off", "batching": {"max_batch_size": 64}}, 64),
        ({"batching": {"max_batch_size": 1}}, 4),
        ({"batching": {"max_batch_size": 4096}}, 128),
    ],
)
def test_the_stock_lane_has_threads_for_a_batch_where_batches_pay(
    tmp_path: Path, change: dict[str, Any], threads: int
) -> None:
    made = bundle(tmp_path, serving={"lane": "stock"}, **change)
    logger = "--pythonpath bundle,/var/azureml-app/bundle --logger-class scorewright_runtime.accesslog.Logger"
    arguments = f"-k gthread --threads {threads} --keep-alive 75 {logger}"
    assert made.environment["variables"] == {**FAST, "GUNICORN_CMD_ARGS": arguments}
    pip = made.environment["pip"]
    assert isinstance(pip, list)
    assert not {requirement.gpu for requirement in LANE} & set(pip)
    assert {requirement.gpu for requirement in JSON} <= set(pip)


@pytest.mark.parametrize(("cpu", "threads"), [(0.5, "1"), (2, "2"), (3.7, "3")])
def test_libraries_compute_with_the_cores_of_the_service(tmp_path: Path, cpu: float, threads: str) -> None:
    variables = bundle(tmp_path, resources={"cpu": cpu}).environment["variables"]
    assert isinstance(variables, dict)
    assert variables["OMP_NUM_THREADS"] == threads


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=TEXTS, value=st.text(st.characters(codec="utf-8")), label=TEXTS)
def test_hostile_values_change_constants_and_nothing_else(tmp_path: Path, name: str, value: str, label: str) -> None:
    (tmp_path / "labels.txt").write_text(label, encoding="utf-8", newline="")
    service = resolved(tmp_path, output={"top_k": 1, "labels": "labels.txt"})
    inspection = replace(service.inspection, load={"tag": name, "deep": [{name: value}]})
    spec = service.spec.model_copy(update={"env": {"A": value}})
    made = build(replace(service, inspection=inspection, spec=spec))
    found = literal(made)
    assert found["load"] == {"tag": name, "deep": [{name: value}]}
    assert found["output"]["labels"] == [label]
    assert json.loads(made.files["environment.json"])["variables"] == {**FAST, "A": value}
    shape = ast.dump(ast.parse(made.files["score.py"].replace(ascii(found).encode(), b"")))
    assert shape.count("Assign(") == ast.dump(ast.parse(build(service).files["score.py"])).count("Assign(")


def test_no_secret_of_the_variables_is_in_the_repr(tmp_path: Path) -> None:
    assert "s3cr3t" not in repr(bundle(tmp_path, env={"TOKEN": "s3cr3t"}))


@pytest.mark.parametrize(
    "name",
    [
        "../up.py",
        "/etc/passwd",
        "a/../../b.py",
        "",
        ".hidden",
        "a//b",
        "a\\b",
        "with space",
        "score.py",
        "Score.PY",
        "manifest.json",
        "config.json",
        "handler.py",
        "scorewright_runtime/extra.py",
    ],
)
@pytest.mark.parametrize("way", ["script", "inspection"])
def test_a_plugin_cannot_put_a_file_where_it_does_not_belong(tmp_path: Path, name: str, way: str) -> None:
    service = resolved(tmp_path)
    if way == "script":

        def script(request: ScriptRequest) -> Script:
            return replace(echo.script(request), files={name: b""})

        service = replace(service, framework=replace(service.framework, script=script))
    else:
        service = replace(service, inspection=replace(service.inspection, files={name: tmp_path / "model.echo"}))
    with pytest.raises(PluginError) as caught:
        build(service)
    assert caught.value.code == "SW1605"
    assert repr(name) in caught.value.summary


def test_further_files_are_in_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("class Net: ...\n")
    service = resolved(tmp_path)

    def script(request: ScriptRequest) -> Script:
        return replace(echo.script(request), files={"acme/loader.py": b"x = 1\n"})

    service = replace(
        service,
        framework=replace(service.framework, script=script),
        inspection=replace(service.inspection, files={"net.py": tmp_path / "net.py"}),
    )
    files = build(service).files
    assert (files["acme/loader.py"], files["net.py"]) == (b"x = 1\n", b"class Net: ...\n")
    assert list(files) == sorted(files)


@pytest.mark.parametrize("score", ["def (", "x = 1\x00"])
def test_a_script_that_is_not_python_is_refused(tmp_path: Path, score: str) -> None:
    service = resolved(tmp_path)
    framework = replace(service.framework, script=lambda request: Script(score, ""))
    with pytest.raises(PluginError) as caught:
        build(replace(service, framework=framework))
    assert caught.value.code == "SW1605"


@pytest.mark.parametrize("package", ["-r secrets.txt", "--index-url https://x", "a==1\n-e .", "not a name", ""])
def test_a_package_that_is_not_a_requirement_is_refused(tmp_path: Path, package: str) -> None:
    service = resolved(tmp_path)
    packages = service.spec.packages.model_copy(update={"pip": [package]})
    with pytest.raises(ScorewrightError) as caught:
        build(replace(service, spec=service.spec.model_copy(update={"packages": packages})))
    assert caught.value.code == "SW1604"


def test_a_service_whose_inputs_are_unknown_has_no_bundle(tmp_path: Path) -> None:
    echo.write_model(tmp_path / "model.echo", signed=False)
    plugins = PluginManager()
    plugins.register(echo)
    (tmp_path / "deploy.yaml").write_text("scorewright: 1\nservices: {mnist: {model: {path: model.echo}}}\n")
    spec = load(tmp_path / "deploy.yaml")
    with pytest.raises(ScorewrightError) as caught:
        build(resolve(spec, plugins).services["mnist"])
    assert caught.value.code == "SW1602"
    with pytest.raises(CheckError) as refused:
        render(spec, "mnist", plugins=plugins)
    assert [finding.code for finding in refused.value.findings] == ["SW1213"]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_gets_exactly_the_files_of_the_bundle(tmp_path: Path) -> None:
    made = bundle(tmp_path)
    folder = made.write(tmp_path / "deep" / "out")
    assert files_of(folder) == made.files
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_an_earlier_bundle_is_replaced_with_its_stale_files_and_caches(tmp_path: Path) -> None:
    made = bundle(tmp_path)
    folder = made.write(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["old.py"] = ""
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "old.py").write_text("")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "score.pyc").write_bytes(b"")
    made.write(folder)
    assert files_of(folder) == made.files


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    made = bundle(tmp_path)
    assert files_of(made.write(tmp_path / "out")) == made.files


@pytest.mark.parametrize("stranger", ["notes.txt", "src/main.py", "link"])
def test_a_folder_that_holds_something_else_is_not_touched(tmp_path: Path, stranger: str) -> None:
    made = bundle(tmp_path)
    folder = made.write(tmp_path / "out")
    (folder / stranger).parent.mkdir(exist_ok=True)
    if stranger == "link":
        (folder / stranger).symlink_to(tmp_path)
    else:
        (folder / stranger).write_text("mine")
    before = files_of(folder)
    with pytest.raises(ScorewrightError) as caught:
        made.write(folder)
    assert caught.value.code == "SW1601"
    assert stranger in str(caught.value.cause)
    assert files_of(folder) == before


def test_a_file_in_the_place_of_the_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ScorewrightError, match="is not a folder"):
        bundle(tmp_path).write(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ScorewrightError) as caught:
        bundle(tmp_path).write(tmp_path / "file" / "out")
    assert caught.value.code == "SW1601"
