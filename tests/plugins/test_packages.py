"""The packages that the shipped frameworks ask for."""

from __future__ import annotations

from importlib import metadata

import pytest
from packaging.requirements import Requirement

import scorewright_onnx
import scorewright_pytorch
import scorewright_tensorflow
from scorewright.framework import Framework, ResolveRequest

FRAMEWORKS: dict[str, Framework] = {
    framework.name: framework
    for plugin in (scorewright_tensorflow, scorewright_pytorch, scorewright_onnx)
    for framework in plugin.scorewright_frameworks()
}
SERVED = {"tensorflow": "2.21", "pytorch": "2.13", "onnx": "1.31"}
every_framework = pytest.mark.parametrize("name", list(SERVED))


@every_framework
def test_the_cpu_form_of_a_minor_is_what_the_tests_run_with(name: str) -> None:
    resolution = FRAMEWORKS[name].resolve(ResolveRequest("any", gpu=False, version=SERVED[name]))
    assert resolution.findings == ()
    for requirement in map(Requirement, (item.cpu for item in resolution.requirements)):
        assert requirement.specifier.contains(metadata.version(requirement.name).partition("+")[0]), requirement


@every_framework
def test_the_gpu_form_brings_its_own_cuda(name: str) -> None:
    framework = FRAMEWORKS[name].resolve(ResolveRequest("any", gpu=True)).requirements[0]
    carried = {
        "tensorflow": "tensorflow[and-cuda]==",
        "pytorch": "torch==",
        "onnx": "onnxruntime-gpu[cuda,cudnn]==",
    }
    assert framework.gpu.startswith(carried[name])


@every_framework
def test_the_same_question_gets_the_same_answer(name: str) -> None:
    request = ResolveRequest("any", gpu=True, version=SERVED[name])
    assert FRAMEWORKS[name].resolve(request) == FRAMEWORKS[name].resolve(request)


def test_safetensors_files_need_their_own_package() -> None:
    resolution = FRAMEWORKS["pytorch"].resolve(ResolveRequest("safetensors", gpu=False))
    assert any(requirement.cpu.startswith("safetensors") for requirement in resolution.requirements)
