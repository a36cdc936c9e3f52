"""What a model's file says decides the packages that serve it."""

from __future__ import annotations

import pytest

from scorewright.framework import ResolveRequest
from scorewright_pytorch.packages import resolve


@pytest.mark.parametrize("written_by", [None, "torch 2.13.0+cpu", "torch 2.4.0"])
def test_models_are_served_by_the_tested_release(written_by: str | None) -> None:
    resolution = resolve(ResolveRequest(format="pt2", gpu=True, written_by=written_by))
    assert (resolution.version, resolution.findings) == ("2.13.0", ())
    assert resolution.requirements[0].cpu_index == "https://download.pytorch.org/whl/cpu"


def test_a_model_of_a_later_release_is_served_by_no_older_one() -> None:
    assert resolve(ResolveRequest(format="pt2", gpu=True, written_by="torch 2.14.0")).version == "2.15.0"


def test_safetensors_files_need_a_package_of_their_own() -> None:
    def names(format: str) -> list[str]:
        return [requirement.gpu for requirement in resolve(ResolveRequest(format=format, gpu=True)).requirements]

    assert "safetensors>=0.4" in names("safetensors")
    assert names("state_dict") == ["torch==2.13.0", "numpy>=1.26,<3"]


@pytest.mark.parametrize(
    ("vm_size", "gpu", "autocast", "refused"),
    [
        ("Standard_NC4as_T4_v3", True, "bfloat16", True),
        ("Standard_NC4as_T4_v3", True, "float16", False),
        ("Standard_NC4as_T4_v3", False, "bfloat16", False),
        ("Standard_NC24ads_A100_v4", True, "bfloat16", False),
        (None, True, "bfloat16", False),
    ],
)
def test_bfloat16_is_refused_for_gpus_that_do_not_compute_in_it(
    vm_size: str | None, gpu: bool, autocast: str, refused: bool
) -> None:
    request = ResolveRequest(format="export", gpu=gpu, vm_size=vm_size, options={"autocast": autocast})
    told = [finding for finding in resolve(request).findings if finding.code == "SW1287"]
    assert [finding.path for finding in told] == ["framework.options.autocast"] * refused
