"""The plan: what would be done to a target, step by step, with the reason for each. A value: it prints and serialises.

`diff` compares what shall exist with what does; it decides what is created, updated, replaced, kept or deleted, and it
refuses what must not be touched. It does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from .bundle_parts import differing
from .errors import DeploymentError
from .field_changes import FieldChange, differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .bundle import Bundle
    from .findings import Finding, Json
    from .resolve import ResolvedService
    from .spec.models import Spec
    from .target import LiveResource, Resource

HOURS_PER_MONTH = 730
# What is deleted first is what nothing else stands on.
_DELETE_FIRST = ("service", "environment", "model", "cluster")


class Action(StrEnum):
    """What is done to one resource. ``REPLACE`` is a delete and a create, for what cannot be changed in place."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    KEEP = "keep"
    DELETE = "delete"


_MARKS = {Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "-/+", Action.KEEP: "=", Action.DELETE: "-"}


@dataclass(frozen=True)
class Step:
    """What is done to one resource, and why. ``resource`` is None for what is deleted, ``live`` for what is created.

    ``downtime``: what callers see of it, in one sentence; empty if nothing. ``hourly_usd``: list price of the resource
    while it exists; None is unknown.
    """

    action: Action
    address: str
    reason: str
    changes: tuple[FieldChange, ...] = ()
    depends_on: tuple[str, ...] = ()
    downtime: str = ""
    hourly_usd: float | None = None
    resource: Resource | None = field(default=None, repr=False)
    live: LiveResource | None = field(default=None, repr=False)

    @property
    def changed(self) -> bool:
        """Whether anything is done at all."""
        return self.action is not Action.KEEP

    def to_dict(self) -> dict[str, Json]:
        """The step as plain data."""
        return {
            "action": self.action.value,
            "address": self.address,
            "reason": self.reason,
            "changes": [
                {"path": change.path, "before": change.before, "after": change.after} for change in self.changes
            ],
            "depends_on": [*self.depends_on],
            "downtime": self.downtime,
            "hourly_usd": self.hourly_usd,
        }

    def lines(self) -> Iterator[str]:
        """The step as text."""
        yield f"{_MARKS[self.action]:>5} {self.address:<32} {self.action}: {self.reason}"
        for change in self.changes:
            yield f"          {change}"
        if self.downtime:
            yield f"          callers: {self.downtime}"


@dataclass(frozen=True)
class Plan:
    """Everything that would be done to a target, in an order that respects what depends on what.

    ``bundles``, ``services``: of the services in question, by name; empty for a plan that deletes. ``findings``: the
    warnings of the checks that came before.
    """

    target: str
    steps: tuple[Step, ...]
    spec: Spec = field(repr=False)
    bundles: Mapping[str, Bundle] = field(default_factory=dict, repr=False)
    services: Mapping[str, ResolvedService] = field(default_factory=dict, repr=False)
    findings: tuple[Finding, ...] = ()

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that do something."""
        return tuple(step for step in self.steps if step.changed)

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return any(step.changed for step in self.steps)

    @property
    def hourly_usd(self) -> float:
        """List price per hour of all that exists afterwards, as far as it is known (see ``unpriced``)."""
        return sum(step.hourly_usd or 0.0 for step in self._priced())

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Addresses of what exists afterwards and has no known price."""
        return tuple(step.address for step in self._priced() if step.hourly_usd is None)

    def _priced(self) -> Iterator[Step]:
        return (step for step in self.steps if step.resource is not None)

    def to_dict(self) -> dict[str, Json]:
        """The plan as plain data, for ``--output json``."""
        return {
            "target": self.target,
            "changed": self.changed,
            "steps": [step.to_dict() for step in self.steps],
            "hourly_usd": round(self.hourly_usd, 4),
            "monthly_usd": round(self.hourly_usd * HOURS_PER_MONTH, 2),
            "unpriced": [*self.unpriced],
        }

    def __str__(self) -> str:
        counts = [(action, sum(step.action is action for step in self.steps)) for action in Action]
        told = ", ".join(f"{count} to {action}" for action, count in counts if count) or "nothing to do"
        lines = [f"Plan for {self.target}: {told}", *(line for step in self.steps for line in step.lines())]
        price = self._price()
        return "\n".join([*lines, price] if price else lines)

    def _price(self) -> str:
        known = ""
        if self.hourly_usd:
            month = self.hourly_usd * HOURS_PER_MONTH
            known = f"Price: ${self.hourly_usd:,.2f} per hour, ${month:,.0f} per month while it exists"
        if not self.unpriced:
            return known
        return f"{known or 'Price:'}; not known for {', '.join(self.unpriced)}".replace(":;", ":")


def diff(desired: Iterable[Resource], live: Iterable[LiveResource], *, prune: bool = True) -> tuple[Step, ...]:
    """The steps from what exists to what shall exist, in an order that respects dependencies; deletions come last.

    Only what is ours is changed, only what is ``owned`` and no longer wanted is deleted (with ``prune``). A property is
    compared if the desired resource names it. Raises `DeploymentError`: SW1701 if something that is not ours would have
    to be changed, SW1702 if the desired resources are not consistent (a cycle, a duplicate, an unknown dependency).
    """
    there = {found.address: found for found in live}
    wanted = _ordered(desired, there)
    steps: dict[str, Step] = {}
    for resource in wanted:
        replaced = [name for name in resource.depends_on if name in steps and steps[name].action is Action.REPLACE]
        steps[resource.address] = _step(resource, there.get(resource.address), replaced)
    _refuse_strangers(steps.values())
    gone = (
        [found for found in there.values() if found.owned and not found.spare and found.address not in steps]
        if prune
        else []
    )
    changed = tuple(step.address for step in steps.values() if step.changed)
    return (*steps.values(), *deletions(gone, "the deploy file no longer names it", after=changed))


def deletions(live: Iterable[LiveResource], reason: str, *, after: Sequence[str] = ()) -> tuple[Step, ...]:
    """A delete step for each resource that is ours, those that others stand on last. ``after``: what comes first."""
    steps: list[Step] = []
    before: tuple[str, ...] = tuple(after)
    for rank in range(len(_DELETE_FIRST) + 1):
        level = sorted(
            (found for found in live if found.ours and _rank(found) == rank), key=lambda found: found.address
        )
        steps += [Step(Action.DELETE, found.address, reason, depends_on=before, live=found) for found in level]
        before = (*before, *(found.address for found in level))
    return tuple(steps)


def keep(found: LiveResource, reason: str) -> Step:
    """A step that leaves something as it is."""
    return Step(Action.KEEP, found.address, reason, live=found)


def _rank(found: LiveResource) -> int:
    return _DELETE_FIRST.index(found.kind) if found.kind in _DELETE_FIRST else len(_DELETE_FIRST)


def _ordered(desired: Iterable[Resource], there: Mapping[str, LiveResource]) -> list[Resource]:
    resources: dict[str, Resource] = {}
    for resource in desired:
        if resource.address in resources:
            raise _inconsistent(f"{resource.address} is there twice")
        resources[resource.address] = resource
    graph = {resource.address: resource.depends_on for resource in resources.values()}
    for address, names in graph.items():
        unknown = [name for name in names if name not in graph and name not in there]
        if unknown:
            raise _inconsistent(f"{address} depends on {', '.join(unknown)}, which is nowhere")
    try:
        order = TopologicalSorter(graph).static_order()
        return [resources[address] for address in order if address in resources]
    except CycleError as error:
        raise _inconsistent(f"these depend on each other: {' -> '.join(error.args[1])}") from error


def _inconsistent(cause: str) -> DeploymentError:
    steps = ["this is a fault of the target's plugin: report it to its authors"]
    return DeploymentError("SW1702", "what shall exist is not consistent", cause=cause, steps=steps)


def _step(resource: Resource, live: LiveResource | None, replaced: Sequence[str]) -> Step:
    action, reason, changes = _decide(resource, live, replaced)
    return Step(
        action,
        resource.address,
        reason,
        changes=changes,
        depends_on=resource.depends_on,
        downtime=_downtime(action, resource),
        hourly_usd=resource.hourly_usd,
        resource=resource,
        live=live,
    )


def _decide(
    resource: Resource, live: LiveResource | None, replaced: Sequence[str]
) -> tuple[Action, str, tuple[FieldChange, ...]]:
    if live is None:
        return Action.CREATE, "it does not exist", ()
    changes = tuple(
        change
        for name in sorted(resource.properties)
        for change in differences(name, live.properties.get(name), resource.properties[name])
    )
    if replaced:
        return Action.REPLACE, f"{', '.join(replaced)} is replaced", changes
    fixed = sorted({change.path.split(".")[0] for change in changes} & resource.replace_on)
    if fixed:
        return Action.REPLACE, f"{', '.join(fixed)} cannot be changed in place", changes
    if changes:
        return Action.UPDATE, f"{', '.join(_named(changes, resource, live))} differs", changes
    if live.ours and live.state != "healthy":
        return Action.UPDATE, f"it is {live.state}", ()
    return Action.KEEP, "nothing differs", ()


def _named(changes: Sequence[FieldChange], resource: Resource, live: LiveResource) -> Iterator[str]:
    """The fields that differ; of the hash, also what it stands for."""
    for path in dict.fromkeys(change.path for change in changes):
        told = differing(live.parts, resource.parts) if path == "hash" else ""
        yield f"{path} ({told})" if told else path


def _downtime(action: Action, resource: Resource) -> str:
    if action is Action.REPLACE and resource.kind in ("service", "cluster"):
        return "no answer from when the old one is deleted until the new one is ready"
    return resource.downtime if action is Action.UPDATE else ""


def _refuse_strangers(steps: Iterable[Step]) -> None:
    """What somebody else made is left alone, and that is said before anything is done."""
    strange = [step for step in steps if step.changed and step.live is not None and not step.live.ours]
    if not strange:
        return
    names = ", ".join(step.address for step in strange)
    why = "; ".join(f"{step.address}: {step.reason}" for step in strange)
    raise DeploymentError(
        "SW1701",
        f"not made by scorewright, so not changed: {names}",
        cause=f"it exists, and the deploy file wants it otherwise ({why})",
        steps=["choose another name in the deploy file", "or delete or rename what is there, if it is yours"],
    )
