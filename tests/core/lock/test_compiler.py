"""Environments are resolved by the real uv, for the container's Python and platform, from a folder of wheels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scorewright.errors import ScorewrightError
from scorewright.framework import Requirement, Resolution
from scorewright.lock import Inputs, inputs_of
from scorewright.lock.compiler import compile_environment
from scorewright.lock.inputs import platform_of

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Publish

PLATFORM = "x86_64-manylinux_2_28"


def _inputs(*requirements: str, python: str = "3.12", platform: str = PLATFORM) -> Inputs:
    return Inputs(requirements, (), python, platform)


def test_every_package_is_pinned_and_sorted(publish: Publish) -> None:
    publish("served", "2.1", "helper>=1")
    publish("helper", "1.0")
    publish("helper", "1.5")
    locked = compile_environment(_inputs("served==2.1"))
    assert locked.packages == ("helper==1.5", "served==2.1")
    assert (locked.python, locked.platform) == ("3.12", PLATFORM)


def test_it_is_resolved_for_the_containers_python_not_for_this_one(publish: Publish) -> None:
    publish("wheel-only", "1.0", tag="cp39-cp39-manylinux_2_17_x86_64")
    publish("wheel-only", "0.9", tag="cp310-cp310-manylinux_2_17_x86_64")
    publish("needs", "1", 'extra-39; python_version < "3.10"')
    publish("extra-39", "3")
    assert compile_environment(_inputs("wheel-only", python="3.9")).packages == ("wheel-only==1.0",)
    assert compile_environment(_inputs("wheel-only", python="3.10")).packages == ("wheel-only==0.9",)
    assert compile_environment(_inputs("needs", python="3.9")).packages == ("extra-39==3", "needs==1")
    assert compile_environment(_inputs("needs")).packages == ("needs==1",)


def test_an_old_image_gets_no_wheel_that_it_cannot_load(publish: Publish) -> None:
    publish("native", "2.0", tag="cp39-cp39-manylinux_2_28_x86_64")
    publish("native", "1.0", tag="cp39-cp39-manylinux_2_17_x86_64")
    old = platform_of("mcr.microsoft.com/azureml/openmpi3.1.2-cuda10.2-cudnn8-ubuntu18.04:20220516.v1")
    new = platform_of("mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1")
    assert compile_environment(_inputs("native", python="3.9", platform=old)).packages == ("native==1.0",)
    assert compile_environment(_inputs("native", python="3.9", platform=new)).packages == ("native==2.0",)
    assert platform_of("your.own/image:1") == new == PLATFORM


def test_pins_that_still_fit_are_kept(publish: Publish) -> None:
    publish("helper", "1.0")
    publish("helper", "1.5")
    assert compile_environment(_inputs("helper"), keep=["helper==1.0"]).packages == ("helper==1.0",)
    assert compile_environment(_inputs("helper>=1.5"), keep=["helper==1.0"]).packages == ("helper==1.5",)


def test_what_cannot_be_resolved_says_why(publish: Publish) -> None:
    publish("one", "1", "helper<1")
    publish("helper", "1.5")
    with pytest.raises(ScorewrightError) as caught:
        compile_environment(_inputs("one"))
    assert caught.value.code == "SW1322"
    assert "helper" in (caught.value.cause or "")


def test_without_uv_the_way_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("scorewright.lock.compiler.uv", lambda: None)
    with pytest.raises(ScorewrightError) as caught:
        compile_environment(_inputs("one"))
    assert (caught.value.code, caught.value.steps[0]) == ("SW1321", "pip install uv")


def test_the_hash_is_that_of_what_the_environment_must_hold() -> None:
    resolution = Resolution("1", "3.12", ("3.12",), (), "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:x")
    one, two = Requirement("a==1", "a-cpu==1", with_gpu=("b<2",)), Requirement("c", "c", index="https://example.org")
    inputs = inputs_of(resolution, [one, two])
    assert inputs.requirements == ("a==1", "b<2", "c")
    assert inputs.indexes == ("https://example.org",)
    assert inputs.hash == inputs_of(resolution, [two, one]).hash
    assert inputs.hash != inputs_of(resolution, [one]).hash
