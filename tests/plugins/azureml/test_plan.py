"""What a plan for Azure says beside the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.plugins.azureml.conftest import HEAD, ONNX, SUBSCRIPTION

if TYPE_CHECKING:
    from tests.plugins.azureml.conftest import Azure


def test_only_the_cluster_has_a_price(azure: Azure) -> None:
    plan = azure.run.plan(azure.spec())
    assert {step.address: step.hourly_usd == 0 for step in plan.steps} == {
        "cluster/aks-gpu": False,
        "model/digits": True,
        "service/digits": True,
    }
    assert plan.unpriced == ()
    assert "not known" not in str(plan)


def test_the_price_of_a_cluster_that_is_attached_is_not_known(azure: Azure) -> None:
    big = (
        f"/subscriptions/{SUBSCRIPTION}/resourcegroups/theirs/providers/Microsoft.ContainerService/managedClusters/big"
    )
    head = HEAD.replace("vm_size: Standard_NC4as_T4_v3, node_count: 6", f"attach: {big}")
    assert str(azure.run.plan(azure.spec(head=head))).endswith("Price: not known for cluster/aks-gpu")


def test_what_a_hash_stands_for_is_said(azure: Azure) -> None:
    azure.up(azure.spec())
    changed = ONNX + "    output: argmax\n    packages: {pip: [humanize]}\n"
    plan = azure.run.plan(azure.spec(changed))
    (step,) = plan.changes
    assert step.reason == "hash (conda.yml, environment.json, score.py) differs"
    azure.up(azure.spec(changed))
    (step,) = azure.run.plan(azure.spec()).changes
    assert step.reason == "hash (conda.yml, environment.json, score.py) differs"
