"""Errors that name their own code, as scorewright's runtime writes them."""

from __future__ import annotations

import pytest

from scorewright.diagnosis import Evidence, diagnose
from scorewright_runtime.errors import GpuUnavailable, StartError
from scorewright_runtime.gpu import enforce


def log(error: Exception) -> Evidence:
    """The error as it ends a container's log."""
    kind = f"{type(error).__module__}.{type(error).__name__}"
    return Evidence(
        "container log", f"Booting worker\nTraceback (most recent call last):\n{kind}: {error}\n\nWorker exiting\n"
    )


def test_its_message_is_the_cause_and_its_page_has_the_steps() -> None:
    found = diagnose([log(StartError("SW1502", "the model is not below {folder}: found a.txt"))])
    assert (found.code, found.title) == ("SW1502", "The model is not in the model folder")
    assert found.cause == "the model is not below {folder}: found a.txt"
    assert found.steps[0] == "Compare the listing with `model.path` in the deploy file."
    assert len(found.steps) == 3


def test_every_reason_for_a_missing_gpu_is_told() -> None:
    with pytest.raises(GpuUnavailable) as raised:
        enforce("require", "cpu", "onnxruntime")
    reasons = [line for line in str(raised.value).splitlines() if line.startswith("  - ")]
    found = diagnose([log(raised.value)])
    assert found.code == "SW1501"
    assert reasons
    assert all(reason in found.cause for reason in reasons)


def test_the_exact_cause_below_it_is_told_instead() -> None:
    inner = "OSError: libcublas.so.12: cannot open shared object file: No such file or directory\n"
    outer = log(StartError("SW1505", "the model cannot be loaded"))
    assert diagnose([Evidence("container log", inner + outer.text)]).code == "SW2221"


@pytest.mark.parametrize("text", ["StartError: SW9999: no such page", "see SW1502: the model is not there"])
def test_a_code_that_is_not_raised_or_has_no_page_claims_nothing(text: str) -> None:
    assert diagnose([Evidence("container log", text)]).code is None
