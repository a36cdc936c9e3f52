"""What a model's file says decides the packages that serve it."""

from __future__ import annotations

import pytest

from scorewright.catalogue import Catalogue
from scorewright.framework import ResolveRequest
from scorewright_tensorflow.packages import resolve


@pytest.mark.parametrize(
    ("written_by", "legacy"), [("keras 2.15.0", True), ("keras 3.15.1", False), ("keras", False), (None, False)]
)
def test_keras_2_files_are_loaded_by_keras_2(written_by: str | None, legacy: bool) -> None:
    resolution = resolve(ResolveRequest(format="h5", gpu=True, written_by=written_by))
    assert resolution.version == "2.21.0"
    assert ("tf-keras==2.21.*" in [requirement.gpu for requirement in resolution.requirements]) == legacy
    assert ("TF_USE_LEGACY_KERAS" in resolution.variables) == legacy


@pytest.mark.parametrize("written_by", ["1.12.0", "2.21.0", "2.3.0-rc1"])
def test_older_models_are_served_by_the_default(written_by: str) -> None:
    resolution = resolve(ResolveRequest(format="checkpoint", gpu=True, written_by=written_by))
    assert (resolution.version, resolution.findings) == ("2.21.0", ())


def test_the_request_is_passed_on() -> None:
    request = ResolveRequest(format="savedmodel", gpu=False, version="2.20", python="3.9", vm_size="Standard_D4s_v3")
    resolution = resolve(request)
    assert (resolution.version, resolution.python) == ("2.20.0", "3.9")
    assert resolution.requirements[0].gpu == "tensorflow-cpu==2.20.0"


def test_the_users_facts_count() -> None:
    facts = Catalogue([("ours", {"tensorflow": {"2.21": {"latest": "2.21.7", "patches": ["2.21.7"]}}})])
    assert resolve(ResolveRequest(format="h5", gpu=True, catalogue=facts)).version == "2.21.7"
