"""One deployment of one service, followed stage by stage, with its log; and what it says when it fails."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError
from scorewright.events import Event

from .connection import refused
from .containers import Logs
from .sdk import SdkError
from .waiting import IMAGE_BUILD, SERVICE_GONE, SETTINGS, UPLOAD, Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scorewright.events import Emit
    from scorewright.findings import Json

    from .connection import Connection
    from .waiting import Stage

_BUILDING = frozenset(["BuildImage", "BuildEnvironment"])
_OVER = frozenset(["Succeeded", "Failed", "Cancelled", "TimedOut"])
_LOG_LINES = 40


class Rollout:
    """Talks about one AKS web service by name. ``subject``: the address that its events bear."""

    def __init__(self, connection: Connection, name: str, emit: Emit, subject: str) -> None:
        self._connection = connection
        self._emit = emit
        self._subject = subject
        self._began = time.monotonic()
        self._logs = Logs(self.log, lambda line, stage: emit(Event("log", line, subject, stage)))
        self.name = name

    def get(self) -> dict[str, Any] | None:
        """The service as it is, None if there is none."""
        return self._read("service_get", f"look at service {self.name}")  # type: ignore[no-any-return]

    def deploy(self, settings: Mapping[str, Any], **arguments: object) -> dict[str, Any]:
        """Ask for the service. The SDK sends its POST again if the answer is lost, and then meets its own first
        attempt: whatever it says, a service with the tags that we sent is ours."""
        self._logs.new()
        self.clock().enter(UPLOAD, f"sending {self.name}")
        try:
            return self._connection.write("service_deploy", name=self.name, settings=dict(settings), **arguments)  # type: ignore[no-any-return]
        except SdkError as error:
            found = self.get() if error.may_have_happened else None
            if found is None or found["tags"] != settings["tags"]:
                raise refused(error, f"deploy service {self.name}") from error
            return found

    def update(self, settings: Mapping[str, Any], **arguments: object) -> dict[str, Any]:
        """Ask for a change in place; sending the same change twice does no harm."""
        if "inference" in arguments:
            self.clock().enter(UPLOAD, f"sending {self.name}")
        try:
            return self._connection.write("service_update", name=self.name, settings=dict(settings), **arguments)  # type: ignore[no-any-return]
        except SdkError as error:
            raise refused(error, f"update service {self.name}") from error

    def clear(self, values: dict[str, Json]) -> None:
        """Set what `update` cannot take back; nothing without values."""
        if values:
            try:
                self._connection.write("service_clear", name=self.name, values=values)
            except SdkError as error:
                raise refused(error, f"update service {self.name}") from error

    def follow(self, asked: Mapping[str, Any], *, container: bool = True) -> dict[str, Any]:
        """Wait until the service is healthy and give it. ``asked``: what `deploy` or `update` gave. ``container``:
        whether that makes a new one; if not, only settings change.

        Raises `DeploymentError` with the cause, as far as the operation, the service, the build's and the container's
        log tell it: SW2113, or the code of a cause that is known.
        """
        stage = self._logs.stage if container else lambda over: SETTINGS
        operation = asked.get("operation")
        clock = self.clock()
        if operation is not None:
            found = self._until_operation_is_over(str(operation), clock, stage)
            if found["state"] != "Succeeded":
                raise self.failed(found["error"] or {"message": found["state"]}, found["log"])
        return self._until_healthy(clock, stage)

    def clock(self) -> Clock:
        """For a wait of this service; its times count from when this object was made."""
        return Clock(self._emit, self._subject, began=self._began)

    def _until_operation_is_over(self, operation: str, clock: Clock, stage: Callable[[bool], Stage]) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def look() -> bool:
            nonlocal found
            found = self._read("service_operation", f"follow the deployment of {self.name}", location=operation)
            over = str(found["state"]) in _OVER
            clock.enter(IMAGE_BUILD if found["stage"] in _BUILDING else stage(over))
            return over

        clock.wait(look)
        return found

    def _until_healthy(self, clock: Clock, stage: Callable[[bool], Stage]) -> dict[str, Any]:
        found: dict[str, Any] | None = None

        def look() -> bool:
            nonlocal found
            found = self.get()
            if found is None or found["state"] in {"Failed", "Unhealthy", "Unschedulable"}:
                raise self.failed(found["error"] if found else {"message": "the service is gone"})
            healthy = bool(found["state"] == "Healthy")
            if not healthy:
                clock.enter(stage(False))
            return healthy

        clock.wait(look)
        assert found is not None
        return found

    def failed(self, error: Json, build_log: str | None = None) -> DeploymentError:
        """The failure with its cause; the logs are told as events, so that they are kept with the run. ``build_log``:
        the address of the image build's."""
        from scorewright.diagnosis import Evidence, diagnose

        built = self._told_build_log(build_log) if build_log else ""
        log = self._told_log()
        said = told(error)
        # With the codes and punctuation of the answer, by which some causes are known.
        answer = json.dumps(error, separators=(",", ":"))
        evidence = [Evidence("operation", f"{said}\n{answer}"), Evidence("build log", built)]
        found = diagnose([*evidence, Evidence("container log", log)])
        tail = "\n".join((log or built).splitlines()[-_LOG_LINES:])
        cause = "\n".join(part for part in (found.cause if found.code else "", said, tail) if part)
        steps = [*found.steps, f"read the whole log: scorewright logs {self.name} -t azureml"]
        return DeploymentError(found.code or "SW2113", f"service {self.name} did not come up", cause=cause, steps=steps)

    def wrong(self, error: DeploymentError) -> DeploymentError:
        """A golden request that failed, with the end of what the container wrote."""
        log = self._told_log()
        tail = "\n".join(log.splitlines()[-_LOG_LINES:])
        cause = "\n".join(part for part in (error.cause, tail and f"the end of its log:\n{tail}") if part)
        steps = [*error.steps, f"read the whole log: scorewright logs {self.name} -t azureml"]
        return DeploymentError(error.code, error.summary, cause=cause, steps=[*dict.fromkeys(steps)])

    def _told_build_log(self, location: str) -> str:
        """The image build's log, told as an event too; a failure to get it hides no other failure."""
        from .sdk.errors import redact

        try:
            log = redact(str(self._connection.read("build_log", location=location)))
        except SdkError:
            return ""
        if log:
            self._emit(Event("log", f"build log of {self.name}", self._subject, data={"text": log}))
        return log

    def _told_log(self) -> str:
        """The log, told as an event too, so that it is kept with the run: what wrote it may be gone soon."""
        log = self.log()
        if log:
            self._emit(Event("log", f"log of {self.name}", self._subject, data={"text": log}))
        return log

    def log(self) -> str:
        """The container's log, empty if there is none; a failure to get it hides no other failure."""
        from .sdk.errors import redact

        try:
            return redact(str(self._connection.read("service_logs", name=self.name)))
        except SdkError:
            return ""

    def delete(self) -> None:
        """Delete the service and wait until it is gone."""
        try:
            self._connection.write("service_delete", name=self.name)
        except SdkError as error:
            found = self.get() if error.may_have_happened else {"state": None}
            if found is not None and found["state"] != "Deleting":
                raise refused(error, f"delete service {self.name}") from error
        self.until_gone()

    def until_gone(self) -> None:
        """Wait until the service is gone."""
        clock = self.clock()

        def look() -> bool:
            clock.enter(SERVICE_GONE)
            return self.get() is None

        clock.wait(look)

    def _read(self, operation: str, doing: str, **arguments: Any) -> Any:  # noqa: ANN401 - as the SDK's process gives it
        try:
            return self._connection.read(operation, name=self.name, **arguments)
        except SdkError as error:
            raise refused(error, doing) from error


def told(error: Json) -> str:
    """What an error of Azure's says, its details included, as lines."""
    if isinstance(error, list):
        return "\n".join(told(one) for one in error)
    if not isinstance(error, dict):
        return str(error)
    nested = [told(error[key]) for key in ("error", "details") if error.get(key)]
    own = ": ".join(str(part) for part in (error.get("code"), error.get("message")) if part)
    return "\n".join(part for part in (own, *nested) if part)
