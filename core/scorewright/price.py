"""What a cluster costs: per hour, per month, per thousand requests. List prices, rough; unknown stays unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import catalogue as facts

if TYPE_CHECKING:
    from .catalogue import Catalogue
    from .catalogue.models import Price, VmSize
    from .findings import Json
    from .spec.models import Cluster, Spec


@dataclass(frozen=True)
class Cost:
    """The price of a cluster's nodes in US dollars, Linux, pay as you go.

    ``hourly``: None is unknown. ``as_of``: the day of the price table, None where it bears none; ``read``: the day it
    was read. ``confidence``: low where the table is old or second-hand.
    """

    vm_size: str
    node_count: int
    hourly: float | None
    region: str | None = None
    as_of: str | None = None
    read: str | None = None
    source: str | None = None
    confidence: str | None = None
    hours_per_month: float = 730

    @property
    def monthly(self) -> float | None:
        """For a month without a pause."""
        return None if self.hourly is None else self.hourly * self.hours_per_month

    def per_thousand(self, requests_per_second: float) -> float | None:
        """For a thousand requests at a rate that the cluster sees all the time, idle hours included."""
        if self.hourly is None or requests_per_second <= 0:
            return None
        return self.hourly / (requests_per_second * 3600) * 1000

    def to_dict(self, requests_per_second: float | None = None) -> dict[str, Json]:
        """The cost as plain data."""
        rate = requests_per_second
        return {
            "vm_size": self.vm_size,
            "node_count": self.node_count,
            "hourly_usd": _rounded(self.hourly, 4),
            "monthly_usd": _rounded(self.monthly, 2),
            "requests_per_second": rate,
            "per_thousand_usd": None if rate is None else _rounded(self.per_thousand(rate), 6),
            "region": self.region,
            "as_of": self.as_of,
            "read": self.read,
            "source": self.source,
            "confidence": self.confidence,
        }

    def lines(self, requests_per_second: float | None = None) -> list[str]:
        """The cost for people, one or two lines."""
        if self.hourly is None or self.monthly is None:
            return [f"{self.node_count} x {self.vm_size}: price unknown"]
        dated = f"of {self.as_of}" if self.as_of else f"without a date, read on {self.read}"
        said = [
            f"{self.node_count} x {self.vm_size}: about ${self.hourly:,.2f} an hour, "
            f"${self.monthly:,.0f} a month while it exists (list price {dated}, {self.region or 'region not said'})"
        ]
        if requests_per_second:
            each = self.per_thousand(requests_per_second)
            said.append(f"At {requests_per_second:g} requests/s all the time: ${each:.4f} per 1,000 requests")
        return said


def of_spec(spec: Spec) -> Cost | None:
    """The cost of a spec's cluster by the facts that count for its folder; None without a cluster."""
    return None if spec.cluster is None else cost(spec.cluster, facts.load(spec.origin.root))


def hourly(size: VmSize) -> Price | None:
    """The list price of one VM, None where unknown."""
    return size.price


def cost(cluster: Cluster, catalogue: Catalogue | None = None) -> Cost:
    """The cost of a cluster's nodes; its ``hourly`` is None where size or price is not known, or the cluster is not
    ours to pay for."""
    book = catalogue or facts.shipped()
    size = book.vm_size(cluster.vm_size)
    price = hourly(size) if size is not None and cluster.attach is None else None
    if size is None or price is None:
        return Cost(cluster.vm_size, cluster.node_count, None)
    return Cost(
        vm_size=size.size,
        node_count=cluster.node_count,
        hourly=price.usd_per_hour * cluster.node_count,
        region=price.region,
        as_of=price.as_of,
        read=size.as_of,
        source=price.source,
        confidence=price.confidence,
        hours_per_month=book.limits["hours-per-month"].value or 730,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
