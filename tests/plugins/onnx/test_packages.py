"""What a model's file says decides the packages that serve it."""

from __future__ import annotations

import pytest

from scorewright.framework import ResolveRequest
from scorewright_onnx.packages import resolve


@pytest.mark.parametrize(
    ("opset", "vm_size", "version"),
    [
        (17, "Standard_NC4as_T4_v3", "1.31.1"),
        (26, "Standard_NV6ads_A10_v5", "1.26.0"),
        (None, None, "1.31.1"),
    ],
)
def test_the_newest_that_reads_the_model_and_runs_on_the_gpu_serves_it(
    opset: int | None, vm_size: str | None, version: str
) -> None:
    request = ResolveRequest(
        format="onnx", gpu=True, written_by="tf2onnx", vm_size=vm_size, load={"opset": opset, "ir_version": 8}
    )
    resolution = resolve(request)
    assert (resolution.version, resolution.findings) == (version, ())


def test_a_release_that_cannot_read_the_model_is_refused() -> None:
    resolution = resolve(ResolveRequest(format="onnx", gpu=True, version="1.16", load={"opset": 21}))
    assert [finding.code for finding in resolution.findings if finding.level == "error"] == ["SW1303"]
    assert resolution.version == "1.18.1"


def test_without_a_gpu_the_cpu_package_alone_is_asked_for() -> None:
    resolution = resolve(ResolveRequest(format="onnx", gpu=False))
    assert [requirement.gpu for requirement in resolution.requirements] == ["onnxruntime==1.31.1"]


@pytest.mark.parametrize(("version", "package"), [(None, "tensorrt-cu13-libs"), ("1.22", "tensorrt-cu12-libs")])
def test_tensorrt_brings_its_libraries_for_the_same_cuda(version: str | None, package: str) -> None:
    plain = resolve(ResolveRequest(format="onnx", gpu=True, version=version))
    resolution = resolve(ResolveRequest(format="onnx", gpu=True, version=version, options={"tensorrt": "float16"}))
    assert resolution.findings == plain.findings
    assert resolution.requirements[0].with_gpu == (*plain.requirements[0].with_gpu, f"{package}>=10,<11")
    assert resolution.requirements[1:] == plain.requirements[1:]


@pytest.mark.parametrize(
    ("gpu", "version", "reason"),
    [(False, None, "tensorrt needs a GPU, and gpu is off"), (True, "1.18", "tensorrt needs onnxruntime 1.19 or later")],
)
def test_tensorrt_is_refused_where_it_cannot_run(gpu: bool, version: str | None, reason: str) -> None:
    resolution = resolve(ResolveRequest(format="onnx", gpu=gpu, version=version, options={"tensorrt": True}))
    told = [finding for finding in resolution.findings if finding.code == "SW1287"]
    assert [finding.path for finding in told] == ["framework.options.tensorrt"]
    assert told[0].message.startswith(reason)
