"""How many replicas a rate needs, and with which batching; computed from a sweep and proven with an open loop."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError

from .process import put

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .load import Load, Outcome
    from .sweep import Series

HEADROOM = 0.75
"""Share of what a closed loop reached that is tried first: arrivals at random come in bursts."""
SLOWER = 0.8
TRIES = 6
CONNECTIONS = 256


@dataclass(frozen=True)
class Suggestion:
    """``rate``, ``p99``: what was asked for, requests a second and milliseconds. ``per_replica``: rate of one replica
    that the proof ran at. ``proof``: its outcome. ``max_batch_size``, ``max_concurrent_requests``: for the deploy file;
    None where the service batches nothing."""

    service: str
    rate: float
    p99: float
    replicas: int
    per_replica: float
    max_batch_size: int | None
    max_concurrent_requests: int
    proof: Outcome

    def to_dict(self) -> dict[str, Any]:
        """As plain data, the YAML included."""
        return {**asdict(self), "proof": self.proof.to_dict(), "yaml": self.yaml()}

    def yaml(self) -> str:
        """What to write into the deploy file."""
        lines = ["services:", f"  {self.service}:", f"    replicas: {self.replicas}"]
        if self.max_batch_size is not None:
            lines += ["    batching:", f"      max_batch_size: {self.max_batch_size}"]
        return "\n".join([*lines, f"    max_concurrent_requests: {self.max_concurrent_requests}"])


def suggest(
    service: str,
    series: Series,
    load: Load,
    rate: float,
    p99: float,
    *,
    replicas: int = 1,
    on_outcome: Callable[[str, Outcome], object] = lambda label, outcome: None,
) -> Suggestion:
    """What a rate (requests a second) within a 99th percentile (ms) needs.

    ``load``: one of the sweep's, to repeat as an open loop. ``replicas``: that the sweep ran against. Raises
    `DeploymentError` (SW1805) where no load stayed within the limit, or no proof did.
    """
    fitting = [one for one in series.outcomes if one.latency.get("p99", math.inf) <= p99 and not one.failed]
    if not fitting:
        least = min((one.latency.get("p99", math.inf) for one in series.outcomes), default=math.inf)
        raise _impossible(p99, f"the least p99 of the sweep is {least:.1f} ms: more replicas cannot help")
    tried = HEADROOM * max(one.rps for one in fitting)
    tried = min(tried, rate)  # one replica may do, with time to spare
    for _ in range(TRIES):
        proof = put(replace(load, rate=tried, concurrency=CONNECTIONS, seconds=max(load.seconds, 3.0)))
        on_outcome("proof", proof)
        if not proof.failed and proof.latency["p99"] <= p99:
            return _suggestion(service, rate, p99, tried, proof, replicas)
        tried *= SLOWER
    raise _impossible(p99, f"with arrivals at random p99 was {proof.latency['p99']:.1f} ms still at {tried:.0f}/s")


def _suggestion(service: str, rate: float, p99: float, tried: float, proof: Outcome, replicas: int) -> Suggestion:
    each = tried / replicas
    batch = _covering(proof.batches)
    together = math.ceil(each * proof.latency["p99"] / 1000) + 1  # Little: rate times time are under way
    return Suggestion(
        service=service,
        rate=rate,
        p99=p99,
        replicas=max(1, math.ceil(rate / each - 1e-9)),
        per_replica=each,
        max_batch_size=batch,
        max_concurrent_requests=max(2 * together, batch or 1),
        proof=proof,
    )


def _covering(batches: Mapping[int, int]) -> int | None:
    """The power of two that holds all but the rarest batches; twice that, for bursts. None if nothing ran together."""
    total = sum(batches.values())
    seen = 0
    for size, count in sorted(batches.items()):
        seen += count
        if seen >= 0.99 * total:
            return min(4096, 2 ** math.ceil(math.log2(2 * size))) if size > 1 else None
    return None


def _impossible(p99: float, why: str) -> DeploymentError:
    steps = ["allow more with --p99", "or a faster machine, a smaller model, binary bodies (--body npy)"]
    return DeploymentError("SW1805", f"a p99 of {p99:g} ms cannot be kept", cause=why, steps=steps)
