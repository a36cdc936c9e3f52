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
