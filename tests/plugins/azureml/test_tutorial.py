"""The tutorial's whole path from its own file, in real containers: make, ask, make again, delete; and once more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from tests.plugins.azureml.conftest import EXAMPLE, SUBSCRIPTION
from tests.plugins.azureml.interruptions import EXHAUSTIVE

import scorewright
from scorewright_azureml import connection
from scorewright_rehearse import Emulator

if TYPE_CHECKING:
    import pytest

AKS = Path(__file__).parents[3] / "docs" / "examples" / "aks"
ROUNDS = 3 if EXHAUSTIVE else 1


def test_the_tutorials_path_runs_without_an_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = json.loads((AKS / "expect.json").read_text())
    sample = (EXAMPLE / "sample.json").read_bytes()
    monkeypatch.setenv("SCOREWRIGHT_POLL_SECONDS", "0.05")
    with (
        Emulator(subscription_id=SUBSCRIPTION, resource_group="ml-prod", workspace="ml-workspace") as azure,
        azure.applied(fast=True),
    ):
        monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
        spec = scorewright.load(AKS / "deploy.yaml")
        run = scorewright.Deployer(target="azureml")
        for _ in range(ROUNDS):
            azure.requests.clear()
            run.apply(run.plan(spec))
            bodies = {request.body["name"]: request.body for request in azure.requests.all("services.create")}
            assert bodies["mnist"]["numReplicas"] == 3
            needs = bodies["mnist"]["containerResourceRequirements"]
            assert (needs["cpu"], needs["memoryInGB"], needs["gpu"]) == (2, 4, 1)
            assert "tf-dnn-mnist" in {model.name for model in azure.world.models}
            for name in spec.services:
                key = run.keys(spec, name).primary
                headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
                answer = httpx.post(run.endpoint(spec, name).scoring_uri, content=sample, headers=headers, timeout=60)
                assert answer.json() == expected
                assert answer.headers["x-scorewright-device"] == "cpu (rehearsal)"
            azure.requests.clear()
            run.apply(run.plan(spec))
            assert azure.requests.writes() == []
            assert run.destroy(spec, cluster=True) == ()
            world = azure.world
            assert (list(world.computes), list(world.services), list(world.models)) == ([], [], [])
        assert azure.requests.refused() == []
    connection.close()
