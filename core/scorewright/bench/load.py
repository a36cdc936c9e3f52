"""One load on a service, and what came of it; plain values that travel between processes as JSON."""

from __future__ import annotations

import base64
import math
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Load:
    """What to send and how.

    ``bodies``: sent in turn. ``concurrency``: connections, each with one request at a time. ``rate``: None is a closed
    loop, in which every caller sends its next request when it has its answer; a number is an open loop, in which that
    many requests a second arrive at random, whether or not the service keeps up. ``warmup``: seconds before anything
    counts. ``rows``: rows of the model in one request. ``most``: most requests. ``check``: compare every answer with
    the first one to the same body. ``unix``: path of a socket to use in place of the URI's host. ``cpu``: the core that
    the generator is bound to.
    """

    uri: str
    bodies: tuple[bytes, ...] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    concurrency: int = 1
    rate: float | None = None
    seconds: float = 2.0
    warmup: float = 0.5
    rows: int = 1
    most: int = 2_000_000
    timeout: float = 60.0
    keep_alive: bool = True
    check: bool = True
    unix: str | None = None
    cpu: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain data, keys and bodies included."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        bodies = [base64.b64encode(body).decode() for body in self.bodies]
        return {**values, "headers": dict(self.headers), "bodies": bodies}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Load:
        """The load that `to_dict` wrote."""
        return cls(**{**values, "bodies": tuple(base64.b64decode(body) for body in values["bodies"])})


PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)


@dataclass(frozen=True)
class Outcome:
    """What came of a load.

    ``concurrency``, ``rate``, ``rows``: as in the load. ``requests``: answered with 200 and right; ``seconds``: for how
    long they were counted; ``rps``: answers a second. ``latency``: milliseconds by percentile (``p50`` …), with
    ``mean`` and ``max``; in an open loop counted from when the request was due. ``failures``: how often by kind
    (``status 503``, ``wrong answer``, ``timeout``, ``connection closed``, ``unanswered`` …). ``batches``: answers by
    the size of the batch that they ran in. ``told``: what else the service said of itself (device, lane).
    ``own_cpu``: the generator's use of its core, 1.0 is all of it. ``lag``: milliseconds between due and sent at the
    99th percentile, where a connection was free: the generator's own lateness.
    """

    concurrency: int
    rate: float | None
    rows: int
    requests: int
    seconds: float
    rps: float
    latency: Mapping[str, float]
    failures: Mapping[str, int]
    batches: Mapping[int, int]
    told: Mapping[str, str]
    own_cpu: float
    lag: float = 0.0

    @property
    def failed(self) -> int:
        """How many requests did not get a right answer."""
        return sum(self.failures.values())

    @property
    def rows_per_second(self) -> float:
        """Rows of the model answered a second."""
        return self.rps * self.rows

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Outcome:
        """The outcome that `to_dict` wrote, through JSON."""
        return cls(**{**values, "batches": {int(size): count for size, count in values["batches"].items()}})


def percentile(ordered: Sequence[float], share: float) -> float:
    """The least of some sorted values that ``share`` percent of them do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]
