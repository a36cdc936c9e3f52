"""The default environment of each framework, in its CPU form, is what these tests run in, and it imports."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from scorewright.compat import DEFAULT_SIZE, Need, resolve
from scorewright.server_stack import JSON, LANE, NUMPY, SERVER

MODULES = {"tensorflow": "tensorflow", "pytorch": "torch", "onnxruntime": "onnxruntime"}
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize("framework", MODULES)
@pytest.mark.parametrize("version", [None, "asked"])
def test_the_default_version_is_installed_and_this_python_would_do(framework: str, version: str | None) -> None:
    default = resolve(Need(framework, vm_size=DEFAULT_SIZE))
    asked = None if version is None else ".".join(default.version.split(".")[:2])
    resolution = resolve(Need(framework, version=asked, vm_size=DEFAULT_SIZE))
    assert resolution.requirements == default.requirements
    assert MINOR in resolution.pythons
    for requirement in (*resolution.requirements, SERVER, *LANE, *JSON, NUMPY):
        wanted = Requirement(requirement.cpu)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        assert wanted.specifier.contains(metadata.version(wanted.name)), str(wanted)


@pytest.mark.parametrize("framework", MODULES)
def test_it_imports_beside_the_scoring_server(framework: str) -> None:
    code = f"import azureml_inference_server_http, {MODULES[framework]}"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
