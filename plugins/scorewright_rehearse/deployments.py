"""Rolling a service out: build, schedule, pull, init, and only then the switch from the old version to the new.

Callers are served by the old version until the new one is healthy; if that never happens they notice nothing, while the
service's state says what is wrong.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .blobs import write
from .exchange import service_error
from .image import NO_SERVER_LOG, has_server, image_key
from .plane import end
from .replica import Broken, Replica, ReplicaError
from .world import Failure, Service, now

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .factory import Factory
    from .plane import Plane
    from .world import JsonObject, Operation

STAGES = ("build", "schedule", "pull", "init", "serve")
"""The stages in their order; a `Failure` names the one where it strikes. ``serve`` is after the switch."""

POD_KEYS = ("environmentImageRequest", "scoringTimeoutMs")
"""Settings whose change needs new containers here."""

DRAIN_SECONDS = 60.0
CAUSES = {
    "CrashLoopBackOff": "The container application crashed; see its log.",
    "DeploymentTimedOut": "The service did not become healthy in time.",
}


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.state)
        self.failure = failure


class Deployments:
    """All roll-outs and all running replicas."""

    def __init__(self, plane: Plane, factory: Factory) -> None:
        self._plane = plane
        self._factory = factory
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._candidates: dict[str, Replica] = {}
        self.serving: dict[str, Replica] = {}

    def start(self, service: Service, kind: str, failure: Failure | None) -> Operation:
        """Begin a roll-out of the service's settings; an unfinished one of the same service is given up."""
        self._give_up(service.name)
        unfinished = self._plane.world.operations.get(service.operation)
        if unfinished is not None and not unfinished.ended:
            end(unfinished, "Cancelled")
        operation = self._plane.world.begin(f"services/{service.name}", kind)
        operation.failure = failure
        service.operation, service.updated, service.error = operation.id, now(), None
        service.state = "Transitioning"
        self._track(service, self._run(service, operation))
        return operation

    def resume(self) -> None:
        """After a restart: serve what was served, then go on with what was under way."""
        for service in self._plane.world.services.values():
            operation = self._plane.world.operations.get(service.operation)
            unfinished = operation if operation and not operation.ended and operation.kind != "Delete" else None
            if unfinished is not None or service.live is not None:
                self._track(service, self._revive(service, unfinished))

    def remove(self, service: Service) -> None:
        """Take a service down for good."""
        self._give_up(service.name)
        self._end_later(self.serving.pop(service.name, None))
        self._plane.world.services.pop(service.name, None)

    def strand(self, service: Service) -> None:
        """The cluster below a service goes: nothing serves it any more."""
        self._give_up(service.name)
        self._end_later(self.serving.pop(service.name, None))
        service.live, service.state = None, "Failed"
        service.error = service_error("ComputeNotFound", 404, "The compute of the service was not found.")

    def notice_dead(self) -> None:
        """A service whose container has died is not healthy any more."""
        for name, replica in self.serving.items():
            service = self._plane.world.services[name]
            if service.state == "Healthy" and not replica.alive():
                died = _not_started("CrashLoopBackOff", replica.log())
                service.state, service.error, service.log = died.state, died.error, died.log

    def log(self, service: Service) -> str:
        """What the newest container wrote."""
        newest = self._candidates.get(service.name)
        if newest is None and service.state in {"Healthy", "Transitioning"}:
            newest = self.serving.get(service.name)
        return newest.log() if newest is not None else service.log

    async def settle(self, seconds: float) -> None:
        """Give running roll-outs a moment, so that instant ones are over when a client first looks."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks.values()), timeout=seconds)

    async def stop(self) -> None:
        """End all replicas; the world stays as it is, so that `resume` can go on."""
        for name in tuple(self._tasks):
            self._give_up(name)
        for name in tuple(self.serving):
            self.serving[name].busy = 0
            self._end_later(self.serving.pop(name))
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _track(self, service: Service, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(service, work))
        self._tasks[service.name] = task
        task.add_done_callback(lambda done: self._forget(service.name, done))

    async def _guarded(self, service: Service, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as bug:  # one of the emulator's own: the client shall see it, not wait for ever
            service.state, service.error = "Failed", service_error("InternalServerError", 500, repr(bug))
            operation = self._plane.world.operations.get(service.operation)
            if operation is not None and not operation.ended:
                end(operation, "Failed", service.error)

    async def _revive(self, service: Service, operation: Operation | None) -> None:
        if service.live is not None:
            try:
                self.serving[service.name] = await self._start(service, service.live)
            except _Failed as failed:
                service.live, service.state, service.error = None, "Unhealthy", failed.failure.error
                service.log = failed.failure.log
        if operation is not None:
            await self._run(service, operation)

    def _forget(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]

    def _give_up(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
        self._end_later(self._candidates.pop(name, None))

    async def _run(self, service: Service, operation: Operation) -> None:
        try:
            if service.name not in self.serving or _pod(service.settings) != _pod(service.live or {}):
                await self._roll(service, operation)
            service.live, service.state, service.error = service.settings, "Healthy", None
            end(operation, "Succeeded")
            if operation.failure is not None and operation.failure.stage == "serve":
                self._break(service, operation.failure)
        except _Failed as failed:
            failure = failed.failure
            service.state, service.error = failure.state, failure.error
            service.log = "" if failure.stage == "build" else failure.log  # there was no container yet
            end(operation, failure.operation, failure.error)
        operation.log += f"{operation.state}\n"
        self._plane.changed()

    async def _roll(self, service: Service, operation: Operation) -> None:
        times = self._plane.durations
        await self._build(service, operation)
        operation.stage = "DeployService"
        await self._stage(operation, "schedule", times.schedule)
        self._require_gpus(service)
        await self._stage(operation, "pull", times.pull)
        await self._stage(operation, "init", times.init)
        if not has_server(service.settings["environmentImageRequest"]["environment"]):
            raise _Failed(_not_started("CrashLoopBackOff", NO_SERVER_LOG))
        replica = await self._start(service, service.settings)
        old = self.serving.pop(service.name, None)
        self.serving[service.name] = replica
        service.revision += 1
        self._end_later(old)

    async def _build(self, service: Service, operation: Operation) -> None:
        """Build the image, unless one was built from the same definition before."""
        operation.stage = "BuildImage"
        key = image_key(service.settings["environmentImageRequest"]["environment"])
        if key not in self._plane.world.images:
            failure = operation.failure
            log = failure.log if failure is not None and failure.stage == "build" else "Successfully built the image\n"
            write(self._plane, f"OperationLogs/{operation.id}.txt", log.encode(), "text/plain")
            await self._stage(operation, "build", self._plane.durations.build)
            self._plane.world.images.append(key)
        elif operation.failure is not None and operation.failure.stage == "build":
            write(self._plane, f"OperationLogs/{operation.id}.txt", operation.failure.log.encode(), "text/plain")
            raise _Failed(operation.failure)

    async def _stage(self, operation: Operation, stage: str, seconds: float) -> None:
        operation.log += f"{stage}\n"
        if seconds:
            await asyncio.sleep(seconds)
        if operation.failure is not None and operation.failure.stage == stage:
            raise _Failed(operation.failure)

    async def _start(self, service: Service, settings: JsonObject) -> Replica:
        replica = self._factory.make(self._plane, service, settings)
        self._candidates[service.name] = replica
        try:
            await replica.start()
        except ReplicaError as error:
            failure = _not_started(error.code, replica.log())
            self._candidates.pop(service.name, None)
            self._end_later(replica)
            raise _Failed(failure) from None
        self._candidates.pop(service.name, None)
        return replica

    def _require_gpus(self, service: Service) -> None:
        """A pod that asks for a GPU waits for ever on nodes without one. Attached clusters are taken to have them."""
        gpus = (service.settings.get("containerResourceRequirements") or {}).get("gpu")
        compute = self._plane.world.computes.get(str(service.settings.get("computeName")))
        if not gpus or compute is None or compute.attached:
            return
        inner = compute.properties or {}
        if str(inner.get("agentVmSize", "")).lower().startswith("standard_n"):
            return
        count = inner.get("agentCount", 3)
        message = f"0/{count} nodes are available: {count} Insufficient nvidia.com/gpu."
        error = service_error("KubernetesError", 400, "Kubernetes deployment failed.", ("Unschedulable", message))
        raise _Failed(Failure("schedule", "Unschedulable", error))

    def _break(self, service: Service, failure: Failure) -> None:
        self._end_later(self.serving.pop(service.name, None))
        self.serving[service.name] = Broken(failure.log)
        service.state, service.error, service.log = failure.state, failure.error, failure.log

    def _end_later(self, replica: Replica | None) -> None:
        if replica is None:
            return
        task = asyncio.get_running_loop().create_task(_drain(replica))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _not_started(code: str, log: str) -> Failure:
    late = code == "DeploymentTimedOut"
    status = 504 if late else 400
    error = service_error(
        code if late else "AksDeploymentFailed", status, "Service deployment failed.", (code, CAUSES[code])
    )
    return Failure("init", "Unhealthy", error, log, "TimedOut" if late else "Failed")


async def _drain(replica: Replica) -> None:
    """Let a replica finish its requests, then end it."""
    waited = 0.0
    while replica.busy > 0 and waited < DRAIN_SECONDS:
        await asyncio.sleep(0.02)
        waited += 0.02
    await replica.stop()


def _pod(settings: JsonObject) -> list[object]:
    return [settings.get(key) for key in POD_KEYS]
