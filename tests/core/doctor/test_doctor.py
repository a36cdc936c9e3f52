"""The probes: what they find, how they advise, and that they show no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scorewright.cli.entry import run
from scorewright.doctor import credentials, diagnose, gpu, machine, packages
from scorewright.plugins import PluginManager

if TYPE_CHECKING:
    from pathlib import Path


def test_every_probe_says_something_and_every_fault_has_a_fix() -> None:
    found = diagnose(PluginManager())
    assert {one.name for one in found} >= {
        "python",
        "uv",
        "state",
        "disk",
        "gpu",
        "credentials",
        "tensorflow",
        "plugins",
    }
    assert all(one.found for one in found)
    assert all(one.fix for one in found if one.level in {"warning", "error"})


def test_credentials_are_named_by_kind_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, f"hidden-{name}")
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    (found,) = credentials.azure()
    assert (found.level, found.found) == ("ok", "service principal with a secret")


def test_half_of_a_credential_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for names in credentials.KINDS.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "alone")
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    (found,) = credentials.azure()
    assert found.level == "info"
    assert "alone" not in str(found)


def test_a_state_folder_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOREWRIGHT_HOME", "/proc/none-may-write-here")
    found = list(machine.state_folder())
    assert {one.level for one in found} == {"error"}
    assert all("SCOREWRIGHT_HOME" in (one.fix or "") for one in found)


def test_looking_makes_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCOREWRIGHT_HOME", str(tmp_path / "home"))
    diagnose(PluginManager())
    assert list(tmp_path.iterdir()) == []


DRIVER = "int cuDriverGetVersion(int *version) { *version = %d; return %d; }\n"


def library(folder: Path, version: int, result: int) -> str:
    """A driver's library that answers like this, or skip without a C compiler."""
    source, built = folder / "driver.c", folder / "libdriver.so"
    source.write_text(DRIVER % (version, result))
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(built), str(source)], check=True)
    except FileNotFoundError:
        pytest.skip("needs a C compiler")
    return str(built)


@pytest.mark.parametrize(("version", "result", "cuda"), [(12040, 0, "12.4"), (13000, 0, "13.0"), (0, 35, None)])
def test_the_drivers_number_is_a_cuda_version(tmp_path: Path, version: int, result: int, cuda: str | None) -> None:
    assert gpu.allowed_cuda(library(tmp_path, version, result)) == cuda


def test_without_a_driver_no_cuda_is_allowed() -> None:
    assert gpu.allowed_cuda("libnosuchdriver.so") is None


SMI = """\
#!/bin/sh
printf 'Tesla T4, 550.54.15, 15360 MiB\\n'
printf 'NVIDIA H100 80GB HBM3, 550.54.15, 81559 MiB\\n'
"""


def test_every_gpu_has_a_line(tmp_path: Path) -> None:
    tool = tmp_path / "smi"
    tool.write_text(SMI)
    tool.chmod(0o755)
    assert gpu.devices(str(tool)) == [
        "Tesla T4, driver 550.54.15, 15360 MiB",
        "NVIDIA H100 80GB HBM3, driver 550.54.15, 81559 MiB",
    ]


def test_a_tool_that_fails_is_no_answer(tmp_path: Path) -> None:
    tool = tmp_path / "smi"
    tool.write_text("#!/bin/sh\nexit 9\n")
    tool.chmod(0o755)
    assert gpu.devices(str(tool)) is None
    assert gpu.devices(str(tmp_path / "missing")) is None


def test_installed_versions_are_read_without_importing() -> None:
    assert packages.installed(["no-such-package"]) is None
    assert (packages.installed(["click", "no-such-package"]) or "").startswith("click ")
    code = "from scorewright.doctor import packages as p\nlist(p.frameworks())\nlist(p.sdks())\nimport sys\n"
    heavy = "print([n for n in ('tensorflow', 'torch', 'onnxruntime', 'azureml', 'azure') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code + heavy], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_index_that_does_not_answer_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on port 9 of this machine."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    (found,) = packages.index()
    assert found.level == "warning"
    assert found.fix


def test_the_verb_shows_a_table_and_how_to_fix(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCOREWRIGHT_HOME", "/proc/none-may-write-here")
    assert run(["doctor"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("PROBE ")
    assert "to fix:" in out
