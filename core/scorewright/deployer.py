"""Takes a spec to a target: check, plan, apply, and what comes after. Every target is used through this.

run = Deployer(target="local")
result = run.apply(run.plan(spec), on_event=print)
result["mnist"].score({"data": rows})
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING

from . import checks
from .announce import Announcer
from .bundle import build
from .bundle import render as render  # the same function; `scorewright render` takes it from here
from .client import ServiceClient
from .errors import CheckError, DeploymentError, ScorewrightError
from .events import Event
from .execution import WORKERS, execute
from .findings import Finding, Level
from .golden import golden_request
from .plan import Action, Plan, deletions, diff, keep
from .plugins import PluginManager
from .resolve import resolve
from .results import DeployedService, Report, Result
from .target import ChangeRequest, DeleteRequest, DesiredRequest, ServiceRequest, TargetRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .bundle import Bundle
    from .execution import Task
    from .plan import Step
    from .resolve import Resolved
    from .spec.models import Spec
    from .target import Endpoint, Keys, LiveResource, Target

    OnEvent = Callable[[Event], object]


class Deployer:
    """Takes specs to one target.

    ``target``: a name (``local``) or a `Target` record. ``plugins``: default all that are installed. ``workers``: most
    steps at a time. Raises `PluginError` (SW1101) for a target that no plugin brings.
    """

    def __init__(
        self, target: str | Target = "local", *, plugins: PluginManager | None = None, workers: int = WORKERS
    ) -> None:
        self.plugins = plugins or PluginManager.load()
        self.target = self.plugins.target(target) if isinstance(target, str) else target
        self.workers = workers

    def check(self, spec: Spec, *, strict: bool = False) -> Report:
        """Every preflight check; changes nothing. ``strict``: let warnings refuse, too."""
        _, _, findings = self._examine(spec)
        return Report(findings, strict)

    def plan(self, spec: Spec) -> Plan:
        """What `apply` would do.

        Raises `CheckError` (SW1700) with every finding if a check refuses, and `DeploymentError`: SW1701 if something
        that is not ours is in the way, or whatever the target cannot tell.
        """
        resolved, bundles, findings = self._examine(spec)
        report = Report(findings)
        if not report.ok:
            steps = ["repair what the findings name, then: scorewright check"]
            count = len(report.errors)
            summary = "1 check refuses" if count == 1 else f"{count} checks refuse"
            raise CheckError("SW1700", summary, report.findings, steps=steps)
        desired = self.target.desired(DesiredRequest(spec, _silent, bundles))
        live = self.target.observe(TargetRequest(spec, _silent))
        # Without a project nobody can tell whose a service is; of a narrowed spec, what was left out must stay.
        prune = spec.project is not None and not spec.narrowed
        return Plan(self.target.name, diff(desired, live, prune=prune), spec, bundles, resolved.services, findings)

    def plan_destroy(self, spec: Spec, *, cluster: bool = False) -> Plan:
        """What `destroy` would do: delete what belongs to this deploy file. ``cluster``: the cluster, too, if ours."""
        live = self.target.observe(TargetRequest(spec, _silent))
        owned = [found for found in live if found.ours and found.owned and _belongs(found, spec)]
        if spec.narrowed:  # the rest may be what other services of the file stand on
            owned = [found for found in owned if found.kind == "service"]
        kept = [found for found in owned if found.kind == "cluster" and not cluster]
        gone = deletions([found for found in owned if found not in kept], "it belongs to this deploy file")
        why = "a cluster is deleted only when that is asked for"
        return Plan(self.target.name, (*gone, *(keep(found, why) for found in kept)), spec)

    def apply(self, plan: Plan, on_event: OnEvent | None = None) -> Result:
        """Carry a plan out and return the services; a plan without changes writes nothing.

        Independent steps run side by side. Safe to repeat after any failure or interruption. Raises
        `DeploymentError`: SW1705 if the target is no longer what the plan was made for (then nothing was done),
        else `ApplyError` with every failure once nothing runs any more.
        """
        announcer = Announcer(self.plugins, on_event)
        verb = "up" if plan.bundles else "down"
        announcer.emit(Event("plan", str(plan).partition("\n")[0], data=plan.to_dict()))
        live = {step.address: step.live for step in plan.steps if step.live is not None}
        if plan.changed:
            self._refuse_stale(plan, announcer)
            try:
                outcome = execute(
                    plan.steps,
                    lambda task: self._act(plan, task, announcer),
                    announcer.emit,
                    workers=self.workers,
                    resume=self._command(verb),
                )
            except ScorewrightError as error:
                announcer.emit(Event("run.finished", f"failed: {error.summary}", data={"ok": False}))
                raise
            live.update(outcome.live)
        announcer.emit(Event("run.finished", "done", data={"ok": True}))
        return self._result(plan, live)

    def destroy(self, spec: Spec, *, cluster: bool = False, on_event: OnEvent | None = None) -> tuple[str, ...]:
        """Delete what belongs to this deploy file, wait until it is gone, and return what is left, a line each."""
        self.apply(self.plan_destroy(spec, cluster=cluster), on_event)
        return self.target.left(TargetRequest(spec, Announcer(self.plugins, on_event).emit))

    def status(self, spec: Spec) -> tuple[LiveResource, ...]:
        """What exists of a deploy file on the target."""
        live = self.target.observe(TargetRequest(spec, _silent))
        return tuple(found for found in live if _belongs(found, spec))

    def endpoint(self, spec: Spec, service: str) -> Endpoint:
        """Where a service is called and with what. Raises `DeploymentError` if it does not exist."""
        return self.target.endpoint(self._about(spec, service))

    def client(self, spec: Spec, service: str) -> ServiceClient:
        """A client of a service that runs. Raises `DeploymentError` if it does not exist."""
        timeout = spec.services[service].timeout_ms / 1000 if service in spec.services else 60.0
        return ServiceClient(self.endpoint(spec, service), timeout=timeout + 5)

    def logs(self, spec: Spec, service: str, *, follow: bool = False) -> Iterator[str]:
        """The lines of a service's log, endless with ``follow``. Raises `DeploymentError` if it does not exist."""
        return self.target.logs(replace(self._about(spec, service), follow=follow))

    def keys(self, spec: Spec, service: str) -> Keys:
        """A service's keys. Raises `DeploymentError` if it does not exist."""
        return self.target.keys(self._about(spec, service))

    def regenerate_key(self, spec: Spec, service: str, key: str = "primary") -> Keys:
        """Make the ``primary`` or ``secondary`` key anew and return both. Raises `DeploymentError`."""
        if key not in ("primary", "secondary"):
            raise ValueError(f"key is 'primary' or 'secondary', not {key!r}")
        return self.target.regenerate_key(replace(self._about(spec, service), key=key))

    def rollback(self, spec: Spec, service: str, on_event: OnEvent | None = None) -> LiveResource:
        """Put a service back to the version before, proven by the golden request. Raises `DeploymentError`.

        The version before may answer otherwise than the deploy file expects today, so only that it answers, and on
        the right device, is asked of it.
        """
        announcer = Announcer(self.plugins, on_event)
        request = self._about(spec, service, announcer)
        known = spec.services[service]
        resolved = resolve(spec.only([service]), self.plugins, gpu_default=self.target.gpu_default).services.get(
            service
        )
        signature = resolved.inspection.signature if resolved else None
        if signature is None and known.sample is None:
            return self.target.rollback(request)
        golden = golden_request(known, signature, known.gpu or self.target.gpu_default)
        return self.target.rollback(replace(request, verify=replace(golden, expect=None, outputs=None).verify))

    def _examine(self, spec: Spec) -> tuple[Resolved, dict[str, Bundle], tuple[Finding, ...]]:
        """Resolve, check and build; what is wrong is in the findings."""
        resolved = resolve(spec, self.plugins, gpu_default=self.target.gpu_default)
        findings: list[Finding] = [problem.finding() for problem in self.plugins.problems]
        findings += resolved.findings
        findings += checks.run(spec, resolved, self.target, self.plugins)
        for service in spec.services.values():
            findings += self.plugins.check(spec, service)
        bundles: dict[str, Bundle] = {}
        refused = {finding.path.split(".")[1] for finding in findings if _refuses(finding) and finding.path}
        for name, found in resolved.services.items():
            if name not in refused:
                try:
                    bundles[name] = build(found)
                except ScorewrightError as error:
                    findings.append(_finding(spec, name, error))
        findings += self.target.check(DesiredRequest(spec, _silent, bundles))
        return resolved, bundles, tuple(dict.fromkeys(findings))

    def _refuse_stale(self, plan: Plan, announcer: Announcer) -> None:
        """Refuse a plan if what it was made for has changed: it may no longer do what its reader agreed to."""
        if plan.target != self.target.name:
            raise DeploymentError("SW1707", f"the plan is for {plan.target}, not for {self.target.name}")
        now = {found.address: found for found in self.target.observe(TargetRequest(plan.spec, announcer.emit))}
        moved = [step.address for step in plan.steps if _moved(step, now.get(step.address))]
        if moved:
            raise DeploymentError(
                "SW1705",
                "the target has changed since the plan was made",
                cause=f"changed meanwhile: {', '.join(moved)}",
                steps=["make a new plan and look at it: scorewright plan"],
            )

    def _act(self, plan: Plan, task: Task, announcer: Announcer) -> LiveResource | None:
        step = task.step
        if task.delete:
            assert step.live is not None
            self.target.delete(DeleteRequest(plan.spec, announcer.emit, step.live))
            return None
        resource = step.resource
        assert resource is not None
        service = plan.services.get(resource.service or "") if resource.kind == "service" else None
        signature = service.inspection.signature if service else None
        request = ChangeRequest(
            plan.spec,
            announcer.emit,
            resource,
            live=step.live if step.action is Action.UPDATE else None,
            bundle=plan.bundles.get(resource.service or ""),
            verify=golden_request(service.spec, signature, service.gpu, model=service.model_name).verify
            if service
            else None,
        )
        return self.target.update(request) if step.action is Action.UPDATE else self.target.create(request)

    def _result(self, plan: Plan, live: Mapping[str, LiveResource]) -> Result:
        def deployed(name: str) -> DeployedService:
            return DeployedService(name, live.get(f"service/{name}"), lambda: self.endpoint(plan.spec, name))

        return Result(plan, {name: deployed(name) for name in plan.bundles})

    def _about(self, spec: Spec, service: str, announcer: Announcer | None = None) -> ServiceRequest:
        """A request about one service. Raises `DeploymentError` (SW1708) if the deploy file does not name it."""
        if service not in spec.services:
            near = difflib.get_close_matches(service, spec.services, n=1)
            names = f"it has: {', '.join(spec.services)}"
            steps = [f"write {near[0]!r}"] if near else []
            raise DeploymentError("SW1708", f"the deploy file has no service {service!r}", cause=names, steps=steps)
        return ServiceRequest(spec, announcer.emit if announcer else _silent, service)

    def _command(self, verb: str) -> str:
        return f"scorewright {verb}" + ("" if self.target.name == "local" else f" -t {self.target.name}")


def _silent(event: Event) -> None:
    """For what only reads."""


def _belongs(found: LiveResource, spec: Spec) -> bool:
    """Whether a narrowed spec still means this; a whole one means all."""
    return not spec.narrowed or found.kind != "service" or found.name in spec.services


def _moved(step: Step, now: LiveResource | None) -> bool:
    before = step.live
    if before is None or now is None:
        # What is to be deleted and is gone already is as it shall be.
        return before is not now and not (now is None and step.action is Action.DELETE)
    return (before.properties, before.ours, before.owned) != (now.properties, now.ours, now.owned)


def _refuses(finding: Finding) -> bool:
    return finding.level is Level.ERROR and (finding.path or "").startswith("services.")


def _finding(spec: Spec, service: str, error: ScorewrightError) -> Finding:
    message = f"{error.summary}: {error.cause}" if error.cause else error.summary
    location = spec.origin.locate("services", service)
    hint = "; ".join(error.steps) or None
    return Finding(Level.ERROR, error.code, message, hint=hint, path=f"services.{service}", location=location)
