"""The interpreter of a service: named, current, or a cached environment built without a network."""

from __future__ import annotations

import base64
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scorewright.errors import DeploymentError
from scorewright.target import TargetRequest
from scorewright_local.environment import find_interpreter
from scorewright_local.install import Recipe, current_minor, environment, find_base, find_uv
from scorewright_local.places import environments_root
from scorewright_local.requirements import Interpreter, lacks, probe
from scorewright_local.target import LOCAL

if TYPE_CHECKING:
    from tests.plugins.local.conftest import Workbench


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    """A wheel made by hand."""
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text)}\n"
        wheel.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")


@pytest.fixture
def wheels(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip and uv are configured to install from, and from nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_wheel(folder, "little", "1.0", {"little.py": "VALUE = 1\n"})
    write_wheel(folder, "little", "2.0", {"little.py": "VALUE = 2\n"})
    # What the server needs, without installing it anew: the packages of the Python that runs the tests.
    write_wheel(folder, "borrowed", "1.0", {"borrowed.pth": sysconfig.get_paths()["purelib"] + "\n"})
    empty = tmp_path / "empty"
    empty.mkdir()
    for index in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(index, empty.as_uri())
    for links in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(links, str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
    return folder


def recipe(*packages: str) -> Recipe:
    return Recipe(current_minor(), tuple((package, None) for package in packages))


def ask(python: Path, code: str) -> str:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_an_environment_is_built_once_with_the_installer_asked_for(
    wheels: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREWRIGHT_INSTALLER", installer)
    told: list[str] = []

    python = environment(recipe("little==1.0"), told.append)

    assert ask(python, "import little; print(little.VALUE)") == "1"
    assert any(f"with {installer}" in line for line in told)
    assert list(python.parent.parent.rglob("little*.pyc"))
    told.clear()
    assert environment(recipe("little==1.0"), told.append) == python
    assert told == []
    assert environment(recipe("little==2.0"), told.append) != python


def test_without_uv_pip_is_taken(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr("scorewright_local.install._uv_binary", lambda: None)
    assert find_uv() is None

    monkeypatch.setenv("SCOREWRIGHT_INSTALLER", "uv")
    with pytest.raises(DeploymentError) as caught:
        find_uv()
    assert caught.value.code == "SW2017"

    monkeypatch.setenv("SCOREWRIGHT_INSTALLER", "conda")
    with pytest.raises(DeploymentError, match="conda"):
        find_uv()


def test_a_python_that_is_nowhere_is_named(home: Path) -> None:
    with pytest.raises(DeploymentError) as caught:
        find_base("3.99", None)

    assert caught.value.code == "SW2016"
    assert find_base("3.99", "uv") == "3.99"


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_failed_build_quotes_the_installer_and_leaves_nothing_that_counts(
    wheels: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREWRIGHT_INSTALLER", installer)

    with pytest.raises(DeploymentError) as caught:
        environment(recipe("absent==3.0"), lambda _: None)

    assert caught.value.code == "SW2008"
    assert caught.value.cause is not None
    assert "absent" in caught.value.cause
    assert not list(environments_root().glob("*/ready.json"))


def test_a_build_that_failed_is_tried_again(wheels: Path) -> None:
    with pytest.raises(DeploymentError, match="could not be built"):
        environment(recipe("absent==3.0"), lambda _: None)
    write_wheel(wheels, "absent", "3.0", {"absent.py": ""})

    assert ask(environment(recipe("absent==3.0"), lambda _: None), "import absent; print(1)") == "1"


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_package_with_an_index_of_its_own_comes_from_there(
    wheels: Path, tmp_path: Path, installer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREWRIGHT_INSTALLER", installer)
    simple = tmp_path / "simple" / "special"
    simple.mkdir(parents=True)
    write_wheel(simple, "special", "1.0+cpu", {"special.py": ""})
    (simple / "index.html").write_text(
        '<a href="special-1.0%2Bcpu-py3-none-any.whl">special-1.0+cpu-py3-none-any.whl</a>'
    )

    python = environment(
        Recipe(current_minor(), (("special==1.0", simple.parent.as_uri()), ("little", None))), lambda _: None
    )

    found = probe(python, [needs("special"), needs("little")]).found
    assert (found["special"][0], found["little"][0]) == ("1.0+cpu", "2.0")


def test_two_commands_build_one_environment(wheels: Path, tmp_path: Path) -> None:
    def build(number: int) -> None:
        told: list[str] = []
        environment(recipe("little==1.0"), told.append)
        (tmp_path / f"told{number}").write_text("\n".join(told))

    processes = [multiprocessing.get_context("fork").Process(target=build, args=(number,)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0]
    told = [(tmp_path / f"told{number}").read_text() for number in range(2)]
    assert sum("building an environment" in text for text in told) == 1


def test_a_killed_build_leaves_no_installer_and_the_next_starts_afresh(wheels: Path) -> None:
    def build() -> None:
        def die(line: str) -> None:
            if "building" not in line:
                os.kill(os.getpid(), signal.SIGKILL)

        environment(recipe("little==1.0"), die)

    process = multiprocessing.get_context("fork").Process(target=build)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not list(environments_root().glob("*/ready.json"))

    told: list[str] = []
    python = environment(recipe("little==1.0"), told.append)
    assert ask(python, "import little; print(little.VALUE)") == "1"


def needs(gpu: str, cpu: str | None = None, same_as: tuple[str, ...] = ()) -> dict[str, object]:
    return {"gpu": gpu, "cpu": cpu or gpu, "same_as": list(same_as), "index": None, "cpu_index": None}


def test_the_current_python_runs_a_service_whose_needs_it_meets(bench: Workbench) -> None:
    bundle = bench.bundle(requirements=[needs("azureml-inference-server-http>=1")])

    assert find_interpreter(bundle, lambda _: None) == Path(sys.executable)


def test_a_service_runs_in_a_cached_environment_where_the_current_python_lacks_something(
    bench: Workbench, wheels: Path
) -> None:
    score = "import little\ndef init():\n    pass\ndef run(data):\n    return {'value': little.VALUE}\n"
    live = bench.up(bench.bundle(score=score, requirements=[needs("little==1.0"), needs("borrowed==1.0")]))

    assert bench.score() == {"value": 1}
    assert Path(str(live.info["python"])).is_relative_to(environments_root())
    assert any(event.stage == "environment" and "little==1.0" in event.message for event in bench.events)
    (line,) = LOCAL.left(TargetRequest(bench.spec, bench.events.append))
    assert str(environments_root()) in line


def test_the_python_that_the_user_names_is_taken(
    bench: Workbench, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = environment(recipe("little==2.0"), lambda _: None)
    monkeypatch.setenv("SCOREWRIGHT_PYTHON", str(named))
    told: list[str] = []

    assert find_interpreter(bench.bundle(requirements=[needs("little==1.0")]), told.append) == named
    assert "little==1.0 (has 2.0)" in told[0]

    with pytest.raises(DeploymentError) as caught:
        find_interpreter(bench.bundle(requirements=[needs("absent==1.0")]), told.append)
    assert caught.value.code == "SW2009"
    assert "absent==1.0" in caught.value.summary

    with pytest.raises(DeploymentError) as caught:
        find_interpreter(bench.bundle(requirements=[needs("absent @ https://me:hunter2@127.0.0.1/a.whl")]), told.append)
    assert "hunter2" not in f"{caught.value.summary} {caught.value.steps}"
    assert "absent" in caught.value.summary

    monkeypatch.setenv("SCOREWRIGHT_PYTHON", "/no/such/python")
    with pytest.raises(DeploymentError, match="/no/such/python"):
        find_interpreter(bench.bundle(requirements=[]), told.append)


def test_an_interpreter_is_asked_for_what_extras_need_too() -> None:
    found = probe(
        Path(sys.executable), [needs("httpx[http2]>=0.1; python_version > '3'"), needs("No.Such-thing")]
    ).found

    assert {"httpx", "httpcore", "anyio"} <= set(found)
    assert "no-such-thing" not in found


MARKERS = {"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux", "platform_machine": "x"}
HAS = {
    "tensorflow": ("2.21.0", ("numpy>=1", "nvidia-cudnn>=9; extra == 'and-cuda'", "odd==; extra == 'and-cuda'")),
    "torch": ("2.13.0+cpu", ()),
    "numpy": ("2.4.0rc1", ()),
}
MACHINE = Interpreter(Path("python"), "3.11", MARKERS, HAS)


@pytest.mark.parametrize(
    ("requirement", "gpu", "lack"),
    [
        (needs("tensorflow[and-cuda]==2.21.0", "tensorflow-cpu==2.21.0", ("tensorflow",)), False, None),
        (needs("tensorflow[and-cuda]==2.20.0", "tensorflow-cpu==2.20.0", ("tensorflow",)), False, "has 2.21.0"),
        (needs("tensorflow[and-cuda]==2.21.0", "tensorflow-cpu==2.21.0"), True, "nvidia-cudnn>=9 (not installed)"),
        (needs("tensorflow==2.21.0"), True, None),
        (needs("torch==2.13.0"), True, "has 2.13.0+cpu"),
        (needs("torch==2.13.0"), False, None),
        (needs("onnxruntime-gpu[cuda]==2.4", "onnxruntime==2.4", ("tensorflow",)), True, "onnxruntime-gpu"),
        (needs("torch==2.13.0", "torch==2.13.0+cpu"), False, None),
        (needs("torch==2.13.1", "torch==2.13.1+cpu"), False, "has 2.13.0+cpu"),
        (needs("NumPy>=2.3"), False, None),
        (needs("pillow"), False, "pillow (not installed)"),
        (needs("pillow; sys_platform == 'win32'"), False, None),
    ],
)
def test_requirements_are_compared_with_what_is_installed(
    requirement: dict[str, object], gpu: bool, lack: str | None
) -> None:
    found = [str(each) for each in lacks(MACHINE, [requirement], gpu=gpu)]

    assert (found == []) if lack is None else (len(found) == 1 and lack in found[0])
