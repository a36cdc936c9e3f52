"""What the deployer hands back: the report of a check, the result of a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .client import Decoded, ServiceClient
from .findings import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .findings import Finding, Json
    from .plan import Plan
    from .target import Endpoint, LiveResource


@dataclass(frozen=True)
class Report:
    """What the checks found. ``strict``: warnings refuse, too."""

    findings: tuple[Finding, ...]
    strict: bool = False

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse."""
        refusing = (Level.ERROR, Level.WARNING) if self.strict else (Level.ERROR,)
        return tuple(finding for finding in self.findings if finding.level in refusing)

    @property
    def ok(self) -> bool:
        """Whether nothing refuses."""
        return not self.errors

    def to_dict(self) -> dict[str, Json]:
        """The report as plain data, for ``--output json``."""
        return {"ok": self.ok, "strict": self.strict, "findings": [finding.to_dict() for finding in self.findings]}


@dataclass(frozen=True)
class DeployedService:
    """A service that runs. ``live``: what was seen of it when the deployment ended; None if the target said nothing."""

    name: str
    live: LiveResource | None
    _find: Callable[[], Endpoint] = field(repr=False)

    @cached_property
    def endpoint(self) -> Endpoint:
        """Where it is called and with what. Asked of the target on first use; raises `DeploymentError` as that does."""
        return self._find()

    @cached_property
    def client(self) -> ServiceClient:
        """A client that keeps its connection."""
        return ServiceClient(self.endpoint)

    @property
    def scoring_uri(self) -> str:
        """Where it is called."""
        return self.endpoint.scoring_uri

    @property
    def device(self) -> str | None:
        """The device that its model is on, as far as the target knows it."""
        device = self.live.info.get("device") if self.live else None
        return None if device is None else str(device)

    def score(self, payload: object) -> Decoded:
        """Send plain data (numpy arrays included) as JSON and return the answer. Raises `DeploymentError`."""
        return self.client.score(payload)


class Result(Mapping[str, DeployedService]):
    """The services of a deployment, by name, and the ``plan`` that made them so."""

    def __init__(self, plan: Plan, services: Mapping[str, DeployedService]) -> None:
        self.plan = plan
        self._services = dict(services)

    def __getitem__(self, name: str) -> DeployedService:
        return self._services[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._services)

    def __len__(self) -> int:
        return len(self._services)

    def __repr__(self) -> str:
        return f"Result({', '.join(self._services) or 'nothing'})"
