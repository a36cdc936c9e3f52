"""A whole rehearsal: up, golden requests, up again, a new version where that is asked for, down; with its protocol.

report = rehearse(scorewright.load("deploy.yaml"), faults=["no-gpu"])
print(report)

It leads this very process to the emulator, so the SDK must not be at work in it for anything else meanwhile.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scorewright.deployer import Deployer
from scorewright.errors import ScorewrightError
from scorewright.golden import golden_request
from scorewright.resolve import resolve
from scorewright.spec.models import Cluster, Workspace

from . import catalogue
from .emulator import DEFAULT_SUBSCRIPTION, Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from scorewright.events import Event
    from scorewright.findings import Json
    from scorewright.plugins import PluginManager
    from scorewright.spec.models import Spec

    from .faults import Rule
    from .world import JsonObject

ROUND = "SCOREWRIGHT_REHEARSAL_ROUND"
"""A variable that the new version of a rehearsal has, and that makes it a new one."""
_INTERRUPTED = "SW1704"
_IMPATIENT = {"SCOREWRIGHT_POLL_SECONDS": "0.2", "SCOREWRIGHT_CALL_SECONDS": "30"}
"""Nobody is far away here: look often, and give up soon who does not answer. What the environment says counts more."""


@dataclass(frozen=True)
class Stage:
    """A stage of one resource and how many seconds it took."""

    subject: str
    name: str
    seconds: float


@dataclass(frozen=True)
class Act:
    """One part of a rehearsal. ``requests``, ``writes``: how many were sent. ``failure``: None if all went well."""

    name: str
    seconds: float
    requests: int
    writes: int
    stages: tuple[Stage, ...] = ()
    failure: ScorewrightError | None = None


@dataclass
class Rehearsal:
    """What became of a rehearsal. ``sent``: every request, without secrets. ``left``: what ``down`` left behind.
    ``unmet``: the faults that struck nothing, because nothing asked for what they strike."""

    acts: list[Act] = field(default_factory=list)
    sent: list[dict[str, Json]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no act failed, what was up needed no change, and nothing is left."""
        return self.recovered(struck=False)

    def recovered(self, *, struck: bool) -> bool:
        """Whether all went well but for what a fault struck (``struck``): the first ``up`` or the new version."""
        excused = {"up", "new version"} if struck else set()
        idle = all(act.writes == 0 for act in self.acts if act.name == "up again")
        return idle and not self.left and not any(act.failure for act in self.acts if act.name not in excused)

    def to_dict(self) -> dict[str, Json]:
        """The same as plain data, for ``--output json``."""
        acts: list[Json] = [
            {
                "name": act.name,
                "seconds": round(act.seconds, 3),
                "requests": act.requests,
                "writes": act.writes,
                "failure": act.failure.to_dict() if act.failure else None,
                "stages": [
                    {"subject": stage.subject, "name": stage.name, "seconds": round(stage.seconds, 3)}
                    for stage in act.stages
                ],
            }
            for act in self.acts
        ]
        return {"ok": self.ok, "acts": acts, "sent": [*self.sent], "left": [*self.left], "unmet": [*self.unmet]}

    def __str__(self) -> str:
        notes = [f"fault {fault}: nothing asked for what it strikes" for fault in self.unmet]
        return "\n".join([*self._lines(), *(f"left: {thing}" for thing in self.left), *notes])

    def _lines(self) -> Iterator[str]:
        for act in self.acts:
            verdict = f"failed: {act.failure.code} {act.failure.summary}" if act.failure else "done"
            yield f"{act.name:<12} {act.seconds:6.1f} s  {act.requests:4} requests, {act.writes:3} writes  {verdict}"
            for stage in act.stages:
                yield f"  {stage.seconds:6.1f} s  {stage.subject}: {stage.name}"


def rehearse(
    spec: Spec,
    *,
    target: str = "azureml",
    faults: Sequence[str] = (),
    new_version: bool = False,
    folder: Path | None = None,
    plugins: PluginManager | None = None,
    on_event: Callable[[Event], object] | None = None,
) -> Rehearsal:
    """Rehearse a deploy file on this machine.

    ``faults``: by name, see `catalogue.FAULTS`; they strike the first ``up``, or with ``new_version`` the roll-out of a
    new version of every service onto a running one. An act that fails is noted and the rehearsal goes on: after a
    fault, the second ``up`` shows the recovery, and ``down`` that nothing is left. ``folder``: keeps the emulator's
    files. Raises `ScorewrightError` for a deploy file that its checks refuse and for an unknown fault.
    """
    for fault in faults:
        catalogue.parse(fault)  # a typo is said before anything starts
    spec = _somewhere(spec)
    assert spec.workspace is not None
    with Emulator(
        subscription_id=spec.workspace.subscription_id,
        resource_group=spec.workspace.resource_group,
        workspace=spec.workspace.name,
        location=(spec.cluster.location if spec.cluster else None) or "eastus",
        folder=folder,
        interpreter=_interpreter,
    ) as azure:
        with azure.applied(fast=True):
            for name, value in _IMPATIENT.items():
                os.environ.setdefault(name, value)  # taken back with the rest
            play = _Play(azure, Deployer(target=target, plugins=plugins), spec, on_event)
            play.run(faults, new_version=new_version)
        return play.report


class _Play:
    def __init__(self, azure: Emulator, run: Deployer, spec: Spec, on_event: Callable[[Event], object] | None) -> None:
        self.report = Rehearsal()
        self._azure, self._run, self._spec, self._on_event = azure, run, spec, on_event
        self._events: list[tuple[float, Event]] = []
        self._faults: dict[str, Rule | None] = {}

    def run(self, faults: Sequence[str], *, new_version: bool) -> None:
        if not self._run.check(self._spec).ok:
            self._run.plan(self._spec)  # raises: there is nothing to rehearse
        if not new_version:
            self._strike(faults)
        failed = self._act("up", lambda: self._up(self._spec))
        self._calm()
        # what failed is repaired by a second run; what did not must be a matter of no writes
        self._act("up once more" if failed else "up again", lambda: self._up(self._spec))
        self._act("score", self._score)
        if new_version:
            self._strike(faults)
            self._act("new version", lambda: self._up(_newer(self._spec)))
            self._calm()
            self._act("score again", self._score)
        self._act("down", self._down)

    def _strike(self, faults: Sequence[str]) -> None:
        self._faults = {fault: self._azure.fault(fault) for fault in faults}

    def _calm(self) -> None:
        """Lift the faults; what they put in the way is taken away, as a person would."""
        self.report.unmet += [fault for fault, rule in self._faults.items() if rule is not None and not rule.struck]
        self._faults = {}
        self._azure.calm()
        self._azure.change(catalogue.free_names)

    def _up(self, spec: Spec) -> None:
        self._run.apply(self._run.plan(spec), on_event=self._note)

    def _score(self) -> None:
        services = resolve(self._spec, self._run.plugins, gpu_default=self._run.target.gpu_default).services
        for name, service in services.items():
            golden = golden_request(service.spec, service.inspection.signature, service.gpu, model=service.model_name)
            golden.verify(self._run.endpoint(self._spec, name))

    def _down(self) -> None:
        self.report.left += self._run.destroy(self._spec, cluster=True, on_event=self._note)
        world = self._azure.world
        self.report.left += [f"cluster/{name}" for name in world.computes]
        self.report.left += [f"service/{name}" for name in world.services]

    def _act(self, name: str, work: Callable[[], None]) -> bool:
        """Do one part and note it. Returns whether it failed."""
        recorder, failure = self._azure.requests, None
        recorder.clear()
        self._events.clear()
        begun = time.monotonic()
        try:
            work()
        except ScorewrightError as error:
            if error.code == _INTERRUPTED:  # nobody wants the rest of the play
                raise KeyboardInterrupt from error
            failure = error
        seconds = time.monotonic() - begun
        sent = [request.to_dict() | {"act": name} for request in recorder.all()]
        self.report.sent += sent
        stages = tuple(_stages(self._events))
        self.report.acts.append(Act(name, seconds, len(sent), len(recorder.writes()), stages, failure))
        return failure is not None

    def _note(self, event: Event) -> None:
        self._events.append((time.monotonic(), event))
        if self._on_event is not None:
            self._on_event(event)


def _stages(events: list[tuple[float, Event]]) -> Iterator[Stage]:
    """How long each stage of each resource took: from its first event to the resource's first of another one."""
    running: dict[str, tuple[str, float]] = {}
    for when, event in events:
        if event.subject is None or not event.kind.startswith("step."):
            continue
        name, begun = running.get(event.subject, ("", when))
        ended = event.kind in {"step.finished", "step.failed"}
        if name and (ended or event.stage != name):
            yield Stage(event.subject, name, when - begun)
        if ended:
            running.pop(event.subject, None)
        elif event.stage != name:
            running[event.subject] = (event.stage or "", when)


def _somewhere(spec: Spec) -> Spec:
    """The deploy file with a workspace and a cluster; where it names none, such as only the rehearsal has."""
    made: dict[str, Workspace | Cluster] = {}
    if spec.workspace is None:
        made["workspace"] = Workspace(
            subscription_id=DEFAULT_SUBSCRIPTION, resource_group="rehearsal", name="rehearsal"
        )
    if spec.cluster is None:
        replicas = sum(service.replicas or 1 for service in spec.services.values())
        made["cluster"] = Cluster(name="rehearsal", node_count=max(3, replicas + 1))
    return spec.alone().model_copy(update=made)


def _newer(spec: Spec) -> Spec:
    """The same deploy file with a new version of every service."""
    services = {
        name: service.model_copy(update={"env": {**service.env, ROUND: "2"}}) for name, service in spec.services.items()
    }
    return spec.model_copy(update={"services": services})


def _interpreter(environment: JsonObject) -> str:
    """Services run where ``SCOREWRIGHT_PYTHON`` says, as on the local target, else with this interpreter."""
    return os.environ.get("SCOREWRIGHT_PYTHON") or sys.executable
