"""Why a model is not on a GPU is said by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scorewright_runtime import GpuUnavailable, StartError, gpu

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBC = gpu.Library("libc.so.6", "libc6")
ABSENT = gpu.Library("libcudart.so.0", "nvidia-cuda-runtime-cu0")


def test_libraries_that_cannot_be_loaded_are_missing() -> None:
    assert gpu.missing_libraries([LIBC, ABSENT]) == [ABSENT]


@pytest.mark.parametrize(
    ("config", "variables", "expected"),
    [
        ({"gpu": "prefer", "gpu_explicit": False}, {}, "prefer"),
        ({"gpu": "prefer", "gpu_explicit": False}, {"SCOREWRIGHT_GPU_DEFAULT": "require"}, "require"),
        ({"gpu": "prefer", "gpu_explicit": True}, {"SCOREWRIGHT_GPU_DEFAULT": "require"}, "prefer"),
        ({"gpu": "require", "gpu_explicit": True}, {"SCOREWRIGHT_REHEARSAL": "1"}, "off"),
    ],
)
def test_the_policy_in_force(
    config: Mapping[str, object], variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert gpu.policy(config) == expected


def test_an_unknown_default_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOREWRIGHT_GPU_DEFAULT", "maybe")
    with pytest.raises(StartError, match="SCOREWRIGHT_GPU_DEFAULT"):
        gpu.policy({"gpu": "prefer", "gpu_explicit": False})


def test_a_gpu_is_enough_for_every_policy() -> None:
    for policy in gpu.POLICIES:
        gpu.enforce(policy, "cuda:0 Tesla T4", "pytorch")


def test_hidden_devices_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert "CUDA_VISIBLE_DEVICES='-1' hides every GPU; unset it" in gpu.diagnose("pytorch")


def test_a_framework_built_without_cuda_is_named() -> None:
    assert any("built without CUDA" in reason for reason in gpu.diagnose("someone-elses"))


def test_every_reason_ends_up_in_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "cuda_major", lambda framework: 99)
    monkeypatch.setitem(gpu._LIBRARIES, 99, (LIBC, ABSENT))
    with pytest.raises(GpuUnavailable) as caught:
        gpu.enforce("require", "cpu", "pytorch")
    assert "libcudart.so.0 is missing; pip package nvidia-cuda-runtime-cu0 supplies it (CUDA 99)" in str(caught.value)
    assert "libc.so.6" not in str(caught.value)
