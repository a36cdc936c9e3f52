"""VM sizes, GPUs, room on the nodes and Azure's numbers, before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scorewright.checks.capacity import Node, Pod, capacity, place
from scorewright.checks.cluster import vm_sizes
from scorewright.checks.gpu import gpu_settings
from scorewright.checks.memory import memory
from scorewright.checks.quota import managed_quota, purpose, quota

if TYPE_CHECKING:
    from .conftest import Ask

T4 = {"vm_size": "Standard_NC4as_T4_v3"}
GIB = 2**30


@pytest.mark.parametrize(
    ("cluster", "code", "level", "said", "hint"),
    [
        (
            {"vm_size": "Standard_NC6"},
            "SW1421",
            "error",
            "retired on 2023-09-06",
            "Standard_NC4as_T4_v3: 1 x NVIDIA T4",
        ),
        ({"vm_size": "Standard_NC6"}, "SW1421", "error", "cannot be created", "about $0.53 an hour"),
        ({"vm_size": "Standard_NC6s_v3", "location": "US Gov Virginia"}, "SW1423", "warning", "2026-12-31", "H100"),
        ({"vm_size": "Standard_NC6s_v3", "location": "eastus"}, "SW1421", "error", "retired", "H100"),
        ({"vm_size": "standard_nc4as_T4v3"}, "SW1420", "error", "is misspelt", "Standard_NC4as_T4_v3"),
        ({"vm_size": "Standard_NC4as_T9_v3"}, "SW1420", "warning", "not in the catalogue", "Standard_NC4as_T4_v3"),
        ({"vm_size": "Standard_D4s_v3"}, "SW1422", "error", "no GPU, and mnist must run", "Standard_NC4as_T4_v3"),
        ({"vm_size": "Standard_NV8ads_V710_v5"}, "SW1422", "error", "Radeon", "take Standard_NC4as_T4_v3"),
        ({"vm_size": "Standard_NC24ads_A100_v4"}, "SW1423", "warning", "no more capacity", "allocation failures"),
        ({"vm_size": "Standard_NC8ads_A10_v4"}, "SW1424", "info", "not certain", None),
    ],
)
def test_a_size_that_will_not_do_is_told_with_the_way_out(
    ask: Ask, cluster: dict[str, Any], code: str, level: str, said: str, hint: str | None
) -> None:
    (finding,) = ask(vm_sizes, cluster=cluster)
    assert (finding.code, finding.level, finding.path) == (code, level, "cluster.vm_size")
    assert said in finding.message
    assert (hint or "") in (finding.hint or "")


def test_a_good_size_and_no_cluster_are_fine(ask: Ask) -> None:
    assert ask(vm_sizes, cluster=T4) == ask(vm_sizes) == []


def test_a_size_without_gpu_is_fine_for_services_that_need_none(ask: Ask) -> None:
    assert ask(vm_sizes, {"mnist": {"gpu": "off"}}, {"vm_size": "Standard_D4s_v3"}) == []


def test_on_the_local_target_the_cluster_only_warns(ask: Ask) -> None:
    (finding,) = ask(vm_sizes, cluster={"vm_size": "Standard_NC6"}, target="local")
    assert finding.level == "warning"


def test_a_cluster_that_is_attached_is_judged_only_if_its_size_is_said(ask: Ask) -> None:
    attach = {"attach": "/subscriptions/x/resourceGroups/y/managedClusters/z"}
    assert ask(vm_sizes, cluster=attach) == ask(capacity, {"mnist": {"replicas": 90}}, attach) == []
    (finding,) = ask(vm_sizes, cluster={**attach, "vm_size": "Standard_NC6"})
    assert finding.level == "warning"


@pytest.mark.parametrize(
    ("service", "level"),
    [
        ({"resources": {"gpus": 0}}, "error"),
        ({"gpu": "off", "resources": {"gpus": 1}}, "warning"),
        ({"resources": {"gpus": 2}}, "warning"),
        ({"gpu": "off"}, None),
        ({"gpu": "prefer", "resources": {"gpus": 0}}, None),
        ({}, None),
    ],
)
def test_gpu_settings_are_held_against_each_other(ask: Ask, service: dict[str, Any], level: str | None) -> None:
    found = ask(gpu_settings, {"mnist": service})
    assert [(finding.code, finding.level) for finding in found] == ([("SW1425", level)] if level else [])


def test_the_tutorials_three_replicas_fit_but_cannot_be_updated_unnoticed(ask: Ask) -> None:
    found = ask(capacity, {"mnist": {"replicas": 3}}, {**T4, "node_count": 3})
    assert [finding.code for finding in found] == ["SW1428"]
    assert ask(capacity, {"mnist": {"replicas": 3}}, {**T4, "node_count": 4}) == []


def test_too_few_gpus_are_told_as_a_sum_with_the_number_that_would_do(ask: Ask) -> None:
    services = {"one": {"replicas": 3}, "two": {"replicas": 2}, "cpu": {"gpu": "off"}}
    (finding,) = ask(capacity, services, {**T4, "node_count": 3})
    assert (finding.code, finding.level) == ("SW1426", "error")
    assert "need 5 GPUs (one 3 x 1, two 2 x 1, cpu 1 x 0) and the cluster has 3: 3 nodes of 1" in finding.message
    assert finding.hint is not None and finding.hint.startswith("cluster.node_count: 6")


def test_a_replica_as_large_as_the_node_finds_no_room_beside_the_system(ask: Ask) -> None:
    """One core and 2 GB were refused on a node of 2 cores: the pod takes more, and the system takes its share."""
    (finding,) = ask(capacity, {"mnist": {"resources": {"cpu": 4}}}, {**T4, "node_count": 3})
    assert finding.code == "SW1427"
    assert "4.1 cores" in finding.message and "3.86 cores" in finding.message
    assert finding.hint == "take a larger VM size, or give each replica less"


def test_memory_counts_too(ask: Ask) -> None:
    (finding,) = ask(capacity, {"mnist": {"resources": {"memory_gb": 27}}}, {**T4, "node_count": 3})
    assert finding.code == "SW1427"


def test_autoscaling_beyond_the_cluster_warns(ask: Ask) -> None:
    found = ask(capacity, {"mnist": {"autoscale": {"min": 1, "max": 10}}}, {**T4, "node_count": 3})
    assert [(finding.code, finding.level) for finding in found] == [("SW1429", "warning")]


def test_a_slice_of_a_gpu_is_one_gpu_to_a_pod(ask: Ask) -> None:
    cluster = {"vm_size": "Standard_NV6ads_A10_v5", "node_count": 3}
    assert ask(capacity, {"mnist": {"replicas": 2}}, cluster) == []


def test_every_pod_is_placed_once_and_no_node_is_overfull() -> None:
    wanted = [Pod(f"s{i}", i % 2, 0.5 + i % 3, 1.0 + i % 5) for i in range(20)]
    free = [Node(1, 6.0, 10.0) for _ in range(8)]
    refused = place(wanted, free)
    placed = [pod for node in free for pod in node.pods]
    assert sorted(pod.service for pod in (*placed, *refused)) == sorted(pod.service for pod in wanted)
    assert all(node.gpus >= 0 and node.cpu >= -1e-9 and node.memory >= -1e-9 for node in free)


@pytest.mark.parametrize(
    ("gib", "cluster", "levels"),
    [
        (1, T4, []),
        (15.5, T4, ["warning"]),
        (17, T4, ["error"]),
        (17, {"vm_size": "Standard_NC24ads_A100_v4"}, []),
        (5, {"vm_size": "Standard_NV6ads_A10_v5"}, ["error"]),
        (13, {"vm_size": "Standard_NC64as_T4_v3"}, []),
    ],
)
def test_parameters_must_fit_the_memory_of_one_gpu(
    ask: Ask, gib: float, cluster: dict[str, Any], levels: list[str]
) -> None:
    found = ask(memory, {"mnist": {"resources": {"memory_gb": 500}}}, cluster, weights=int(gib * GIB))
    assert [finding.level for finding in found if finding.code == "SW1430"] == levels


@pytest.mark.parametrize(("gigabytes", "level"), [(1, None), (2.5, "warning"), (4.5, "error")])
def test_parameters_must_fit_the_memory_of_a_replica(ask: Ask, gigabytes: float, level: str | None) -> None:
    found = ask(memory, {"mnist": {"gpu": "off"}}, weights=int(gigabytes * 1e9))
    assert [(finding.code, finding.level) for finding in found] == ([("SW1431", level)] if level else [])
    assert all("memory_gb: " in (finding.hint or "") for finding in found)


def test_on_this_machine_memory_is_only_warned_of(ask: Ask) -> None:
    (finding,) = ask(memory, {"mnist": {"gpu": "off"}}, weights=int(9e9), target="local")
    assert finding.level == "warning"


def test_small_clusters_must_be_dev_test(ask: Ask) -> None:
    (finding,) = ask(purpose, cluster={**T4, "node_count": 2})
    assert finding.code == "SW1432"
    assert "8 vCPUs (2 x 4)" in finding.message
    assert finding.hint == "cluster.node_count: 3, or cluster.purpose: dev-test"
    assert ask(purpose, cluster={**T4, "node_count": 2, "purpose": "dev-test"}) == []
    assert ask(purpose, cluster={**T4, "node_count": 3}) == []


def test_the_quota_is_shown_as_a_sum(ask: Ask) -> None:
    (finding,) = ask(quota, cluster={**T4, "node_count": 3, "location": "eastus"})
    assert (finding.code, finding.level) == ("SW1433", "info")
    assert "3 x 4 = 12 vCPUs" in finding.message and "eastus" in finding.message
    assert ask(quota, cluster=T4, target="local") == []


def test_managed_endpoints_ask_for_a_reserve(ask: Ask) -> None:
    (finding,) = ask(managed_quota, target="azureml-v2")
    assert "2 instances: 1 and a reserve" in finding.message
    (finding,) = ask(managed_quota, {"mnist": {"replicas": 10}}, target="azureml-v2")
    assert "12 instances" in finding.message
    assert ask(managed_quota, cluster=T4, target="azureml-v2") == ask(managed_quota) == []
