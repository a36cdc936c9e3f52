"""What is installed: the source tree, or a built wheel where `SCOREWRIGHT_TEST_INSTALLED` names its environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module, metadata, resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = [Path(folder) for folder in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
PLACE = Path(os.environ.get("SCOREWRIGHT_TEST_INSTALLED", ROOT))


def installed_at(package: str) -> Path:
    """The folder that a package is loaded from; ``scorewright_templates`` has no ``__init__.py``."""
    return Path(next(iter(import_module(package).__path__)))


@pytest.mark.parametrize("package", [folder.name for folder in PACKAGES])
def test_a_package_is_loaded_from_the_distribution_under_test(package: str) -> None:
    assert installed_at(package).is_relative_to(PLACE)
    if PLACE != ROOT:
        assert not installed_at(package).is_relative_to(ROOT / "core")
        assert "site-packages" in installed_at(package).parts


@pytest.mark.parametrize("folder", PACKAGES, ids=str)
def test_every_file_of_a_package_is_there(folder: Path) -> None:
    there = installed_at(folder.name)
    listed = subprocess.run(["git", "ls-files", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    missing = [name for name in listed.stdout.splitlines() if not (there / Path(name).relative_to(folder)).exists()]
    assert missing == []


def test_every_source_package_is_listed_for_the_wheel() -> None:
    found = {path.parent for root in ("core", "plugins", "templates") for path in (ROOT / root).glob("*/__init__.py")}
    listed = {ROOT / folder for folder in PACKAGES}
    assert found - listed == set()


def test_the_plugins_that_ship_are_entry_points_like_any_others() -> None:
    declared = PROJECT["project"]["entry-points"]["scorewright"]
    found = {entry.name: entry.value for entry in metadata.entry_points(group="scorewright")}
    assert found.items() >= declared.items()


def test_the_metadata_says_what_the_package_says() -> None:
    import scorewright

    assert metadata.version("scorewright") == scorewright.__version__


@pytest.mark.parametrize("package", ["scorewright", "scorewright_runtime"])
def test_a_package_says_that_it_is_typed(package: str) -> None:
    assert (resources.files(package) / "py.typed").is_file()


def test_every_public_name_can_be_imported() -> None:
    import scorewright

    assert [name for name in scorewright.__all__ if not hasattr(scorewright, name)] == []


def test_the_command_is_installed_and_runs() -> None:
    command = Path(sys.executable).with_name("scorewright")
    done = subprocess.run([str(command), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"scorewright {metadata.version('scorewright')}\n"


def test_base_dependencies_stay_light() -> None:
    names = {line.split(">")[0].split("<")[0].split("=")[0].strip() for line in PROJECT["project"]["dependencies"]}
    assert names.isdisjoint({"tensorflow", "torch", "onnxruntime", "azureml-core", "azure-ai-ml", "aiohttp"})
