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
