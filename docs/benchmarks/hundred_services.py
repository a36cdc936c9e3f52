"""A hundred services in one file: how long the plan takes, what applying it sends and how much memory it needs.

    python docs/benchmarks/hundred_services.py [SERVICES]

Goal: a plan in under 5 seconds, the first one of a process, which starts the Azure SDK. The control plane is emulated
and runs no containers, so the time to apply is what scorewright and the SDK take, not Azure.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

import scorewright
from scorewright_rehearse import Emulator

if TYPE_CHECKING:
    from scorewright.spec.models import Spec

GOAL = 5.0
MODEL = Path(__file__).parents[1] / "examples" / "mnist" / "models" / "mnist.onnx"
HEAD = """\
scorewright: 1
workspace: {{subscription_id: 5b5c0000-0000-4000-8000-000000000004, resource_group: rehearsal, name: rehearsal}}
cluster: {{name: aks-gpu, vm_size: Standard_NC4as_T4_v3, node_count: {nodes}}}
services:
"""
SERVICE = """\
  digits-{number}:
    model: {{path: {model}, name: mnist}}
    framework: {{name: onnx, version: "1.31"}}
"""


def deploy_file(folder: Path, services: int) -> Spec:
    """A deploy file of so many services that share a model."""
    each = [SERVICE.format(number=number, model=MODEL) for number in range(services)]
    (folder / "deploy.yaml").write_text(HEAD.format(nodes=services + 1) + "".join(each))
    return scorewright.load(folder / "deploy.yaml")


def memory() -> float:
    """The most memory that this process has had, in MB; the emulator's share included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(services: int) -> int:
    """Measure, print, and return 1 if the goal is missed."""
    os.environ["SCOREWRIGHT_POLL_SECONDS"] = "0.05"
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(stub=True, answer=lambda service, body: [[0.0] * 10]) as azure,
        azure.applied(fast=True),
    ):
        run, spec = scorewright.Deployer(target="azureml"), deploy_file(Path(folder), services)
        began = time.perf_counter()
        plan = run.plan(spec)
        taken = time.perf_counter() - began
        click.echo(
            f"plan of {services} services: {taken:.1f} s (goal: under {GOAL:g} s), {len(azure.requests)} requests"
        )
        before = memory()
        azure.requests.clear()
        began = time.perf_counter()
        run.apply(plan)
        click.echo(
            f"apply: {time.perf_counter() - began:.0f} s, {len(azure.requests) / services:.1f} requests a service"
        )
        click.echo(f"memory: {before:.0f} MB after the plan, {memory():.0f} MB after it was applied")
        kinds = Counter(request.action for request in azure.requests.all()).most_common(6)
        click.echo("most sent: " + ", ".join(f"{action} {count / services:.1f}" for action, count in kinds))
        azure.requests.clear()
        run.plan(spec)
        click.echo(f"the next plan: {len(azure.requests)} requests")
    return int(taken >= GOAL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
