"""The SDK retries POSTs: what it makes of answers that were lost after they took effect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright_rehearse.faults import Drop, Rule

if TYPE_CHECKING:
    from tests.contract.client import Client

    from scorewright_rehearse import Emulator


def test_lost_answers_leave_a_second_model_and_a_conflict(azure: Emulator, client: Client, tmp_path: Path) -> None:
    client.create_cluster()
    azure.rules.add(Rule(Drop(after=True), "models.create"))
    azure.rules.add(Rule(Drop(after=True), "services.create"))
    azure.fault("no-gpu", skip=2)  # the lost creation, its repetition, and then the next service
    for name in ("model/weights", "source/score.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    script = Path(__file__).with_name("retries.py")
    done = subprocess.run(
        [sys.executable, str(script), azure.names.subscription_id, str(tmp_path)],
        env=azure.child_environment(fast=True),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["model"] == "digits:2"
    assert [model.version for model in azure.world.models] == [1, 2]
    assert "Response Code: 409" in seen["lost"]
    assert "ServiceExists" in seen["lost"]
    assert seen["lost state"] == "Healthy"
    assert "Insufficient nvidia.com/gpu" in seen["failed"]
    assert "current service state: Unschedulable" in seen["failed"]
    assert seen["state"] == "Healthy"
    outcomes = [(request.outcome, request.status) for request in azure.requests.all("services.create")]
    assert outcomes == [("dropped", None), ("answered", 409), ("answered", 202), ("answered", 202)]
