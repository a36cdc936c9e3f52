"""Findings that several of torch's formats share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Collection


def saved_on_gpu(devices: Collection[str]) -> list[Finding]:
    """A note where tensors were saved on a GPU: the service moves them to wherever it runs."""
    if not any(device.startswith("cuda") for device in devices):
        return []
    message = "the model was saved on a GPU; the service loads it onto the device that it runs on"
    return [Finding(Level.INFO, "SW1220", message, path="model.path")]
