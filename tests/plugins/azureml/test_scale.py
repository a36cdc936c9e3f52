"""What many services cost: a plan asks the same few things however many there are, applying a fixed number for each."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tests.plugins.azureml.conftest import HEAD, ONNX

from scorewright_azureml.connection import WORKERS

if TYPE_CHECKING:
    from tests.plugins.azureml.conftest import Azure

    from scorewright.spec.models import Spec

SHARED = ONNX.replace("mnist.onnx}", "mnist.onnx, name: shared}")
LOOKS = {"services.get", "operations.get", "computes.get"}
"""What is asked again and again while something goes on, the more often the longer that takes."""
EACH = 28
"""Other requests for a first deployment of one service, its uploads and proofs included."""
ALWAYS = 40
"""Requests of the plan, and of SDK processes that log in."""


def many(azure: Azure, count: int) -> Spec:
    """So many services that share a model."""
    services = "".join(SHARED.replace("  digits:", f"  digits-{number}:") for number in range(count))
    return azure.spec(services, head=HEAD.replace("node_count: 6", f"node_count: {count + 3}"))


def sdk_processes() -> int:
    """Processes of the SDK below this one."""
    told = subprocess.run(["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True)
    return told.stdout.count("scorewright_azureml.sdk.process")


def test_many_services_take_few_requests_and_processes(azure: Azure) -> None:
    azure.up(many(azure, 1))
    azure.emulator.requests.clear()
    before = sdk_processes()
    spec = many(azure, 8)
    azure.up(spec)
    sent = [request for request in azure.emulator.requests.all() if request.action not in LOOKS]
    assert len(sent) <= ALWAYS + 7 * EACH
    assert sdk_processes() <= max(before, WORKERS)
    azure.emulator.requests.clear()
    assert not azure.run.plan(spec).changed
    assert [request.action for request in azure.emulator.requests.all()] == [
        "services.list",
        "models.list",
        "computes.get",
    ]
