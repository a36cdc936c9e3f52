"""Prices: rough, dated, and unknown where unknown."""

from __future__ import annotations

import pytest

from scorewright.price import cost
from scorewright.spec.models import Cluster


def _cluster(vm_size: str, nodes: int = 3, attach: str | None = None) -> Cluster:
    return Cluster(name="aks-gpu", vm_size=vm_size, node_count=nodes, attach=attach)


def test_a_cluster_costs_its_nodes() -> None:
    found = cost(_cluster("standard_nc4as_t4_v3"))
    assert found.hourly == pytest.approx(3 * 0.526)
    assert found.monthly == pytest.approx(3 * 0.526 * 730)
    assert found.per_thousand(10) == pytest.approx(3 * 0.526 / 36)
    assert found.source is not None
    lines = found.lines(10)
    assert "about $1.58 an hour, $1,152 a month" in lines[0]
    assert "At 10 requests/s all the time: $0.0438 per 1,000 requests" in lines[1]


def test_the_date_of_the_table_is_said_or_that_it_has_none() -> None:
    assert "of 2026-11-09" in cost(_cluster("Standard_NC24ads_A100_v4")).lines()[0]
    assert "without a date, read on 2026-11-23" in cost(_cluster("Standard_NC4as_T4_v3")).lines()[0]


@pytest.mark.parametrize(
    "cluster",
    [_cluster("Standard_ND96isr_H200_v5"), _cluster("Standard_X"), _cluster("Standard_NC4as_T4_v3", attach="x")],
)
def test_what_is_not_known_is_called_unknown(cluster: Cluster) -> None:
    found = cost(cluster)
    assert (found.hourly, found.monthly, found.per_thousand(10)) == (None, None, None)
    assert found.lines(10) == [f"3 x {cluster.vm_size}: price unknown"]
    assert found.to_dict(10)["hourly_usd"] is None


def test_nothing_is_divided_by_no_traffic() -> None:
    assert cost(_cluster("Standard_NC4as_T4_v3")).per_thousand(0) is None
