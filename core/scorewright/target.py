"""The record a target plugin registers, and the frozen requests and results its callables exchange with the core.

A target turns a spec and its bundles into `Resource` values (``desired``), says what exists (``observe``), and creates,
updates or deletes one resource at a time. Comparing, ordering, consent, events, retries of the whole and the verdict on
downtime are the core's. The live tags and properties are the state: a target keeps no state of its own beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bundle import Bundle
    from .events import Emit
    from .findings import Finding, Json
    from .spec.models import Spec


@dataclass(frozen=True)
class Resource:
    """Something that shall exist.

    ``kind``: ``cluster``, ``model``, ``environment`` or ``service``. ``properties``: what is compared with the live
    resource, field by field; plain values, no secrets. ``replace_on``: properties that cannot be changed in place.
    ``depends_on``: addresses (``cluster/aks-gpu``) that must be done first. ``service``: the service of the deploy file
    that it belongs to, None where it belongs to all. ``hourly_usd``: list price while it exists; None is unknown.
    ``downtime``: what callers see when it is updated in place, in one sentence; empty if nothing. ``parts``: what the
    property ``hash`` stands for (`Bundle.parts`), so that a plan can say which part has changed; empty if unknown.
    """

    kind: str
    name: str
    properties: Mapping[str, Json]
    replace_on: frozenset[str] = frozenset()
    depends_on: tuple[str, ...] = ()
    service: str | None = None
    hourly_usd: float | None = None
    downtime: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """``kind/name``, unique within one target."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class LiveResource:
    """Something that exists.

    ``ours``: we made it (its tags say so); what is not ours is never changed or deleted. ``owned``: it belongs to this
    very deploy file, so it goes when the file no longer names it. ``state``: ``healthy``, ``changing``, ``unhealthy``
    or ``failed``. ``info``: for ``status`` and people (scoring URI, version, replicas, device). ``spare``: what runs,
    or what a rollback would bring back, uses it: ``up`` leaves it although the file no longer names it, ``down``
    deletes it with the rest. ``parts``: those of the resource that it was made from; empty if unknown.
    """

    kind: str
    name: str
    properties: Mapping[str, Json]
    ours: bool
    owned: bool
    state: str = "healthy"
    info: Mapping[str, Json] = field(default_factory=dict)
    spare: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """``kind/name``, unique within one target."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Endpoint:
    """Where a service is called and with what. Its ``repr`` shows no secret."""

    service: str
    scoring_uri: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


Verify = Callable[[Endpoint], None]
"""The golden request: returns when the service at the endpoint answers as it must, raises `DeploymentError` if not.
A target calls it on the new version before callers depend on it, and restores the version before when it raises."""


@dataclass(frozen=True)
class TargetRequest:
    """What every call gets: the spec, and where to report. ``emit``: tells of an event (see `events`)."""

    spec: Spec
    emit: Emit


@dataclass(frozen=True)
class DesiredRequest(TargetRequest):
    """Asks what shall exist. ``bundles``: by service name, only those in question."""

    bundles: Mapping[str, Bundle]


@dataclass(frozen=True)
class ChangeRequest(TargetRequest):
    """Asks to create or update one resource. ``live``: what was observed, None if nothing. ``bundle`` and ``verify``
    come with services, models and environments."""

    resource: Resource
    live: LiveResource | None = None
    bundle: Bundle | None = None
    verify: Verify | None = None


@dataclass(frozen=True)
class DeleteRequest(TargetRequest):
    """Asks to delete one resource and to wait until it is gone."""

    live: LiveResource


@dataclass(frozen=True)
class ServiceRequest(TargetRequest):
    """Asks about one service by name; it works from the deploy file alone, in a later process than the one that
    deployed. ``follow``: for logs. ``key``: for key rotation, ``primary`` or ``secondary``. ``verify``: for a
    rollback."""

    service: str
    follow: bool = False
    key: str = "primary"
    verify: Verify | None = None


@dataclass(frozen=True)
class Keys:
    """A service's keys. Its ``repr`` shows none of them."""

    primary: str = field(repr=False)
    secondary: str = field(repr=False)


@dataclass(frozen=True)
class Target:
    """A target, as a plugin registers it.

    ``name``: what ``--target`` says. ``gpu_default``: ``require`` or ``prefer``, used where a service says nothing.
    ``check``: the target's own preflight findings. ``desired``: pure, no side effects. ``create``/``update``: return
    the resource as it is afterwards; idempotent, so that a run killed half-way is repeated safely. ``delete``: returns
    when it is gone, also where it was gone before. ``endpoint``:
    raises `DeploymentError` if the service does not exist. ``logs``: lines, endless with ``follow``.
    ``regenerate_key``: returns the keys afterwards. ``rollback``: back to the version before, verified. ``left``:
    after a ``down``, what is left that costs money or space, one line each.
    """

    name: str
    summary: str
    gpu_default: str
    check: Callable[[DesiredRequest], tuple[Finding, ...]]
    desired: Callable[[DesiredRequest], tuple[Resource, ...]]
    observe: Callable[[TargetRequest], tuple[LiveResource, ...]]
    create: Callable[[ChangeRequest], LiveResource]
    update: Callable[[ChangeRequest], LiveResource]
    delete: Callable[[DeleteRequest], None]
    endpoint: Callable[[ServiceRequest], Endpoint]
    logs: Callable[[ServiceRequest], Iterator[str]]
    keys: Callable[[ServiceRequest], Keys]
    regenerate_key: Callable[[ServiceRequest], Keys]
    rollback: Callable[[ServiceRequest], LiveResource]
    left: Callable[[TargetRequest], tuple[str, ...]]
    api: int = 1
