"""Bring a service to a version: lay it out, start it beside the current one, prove it, switch."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError, ScorewrightError
from scorewright.events import Event
from scorewright.target import Endpoint

from .environment import find_interpreter
from .failure import start_error
from .files import locked, read_json, remove_tree, write_json
from .layout import build_version, prune, read_version
from .observe import observe_service
from .places import deploy_file, service_place
from .service import FrontGone, FrontRefused, end_front, ensure_front, front_failed
from .storage import stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scorewright.events import Emit
    from scorewright.findings import Json
    from scorewright.spec.models import Probes
    from scorewright.target import ChangeRequest, DeleteRequest, LiveResource, ServiceRequest, Verify

    from .layout import Version
    from .places import ServicePlace
    from .service import Front

BUSY_SECONDS = 900.0


class Reporter:
    """Tells of the progress of one service."""

    def __init__(self, emit: Emit, service: str) -> None:
        self._emit = emit
        self._subject = f"service/{service}"
        self._begin = time.monotonic()

    def progress(self, stage: str, message: str) -> None:
        """One step onwards."""
        self._tell("step.progress", stage, message)

    def log(self, line: str) -> None:
        """A line that the server wrote while it started."""
        self._tell("log", "init", line)

    def _tell(self, kind: str, stage: str, message: str) -> None:
        elapsed = time.monotonic() - self._begin
        self._emit(Event(kind, message, subject=self._subject, stage=stage, elapsed=elapsed))


def deploy(request: ChangeRequest) -> LiveResource:
    """Create or update a service; callers of the version before notice nothing.

    Raises `DeploymentError`, and then the version before, if any, is as it was.
    """
    bundle = request.bundle
    assert bundle is not None
    if bundle.model_path is None:
        raise no_model_file(bundle.service)
    reporter = Reporter(request.emit, bundle.service)
    place = service_place(request.spec, bundle.service)
    with stored(bundle.service):
        python = find_interpreter(bundle, lambda message: reporter.progress("environment", message))
    with _alone(place, reporter):
        prune(place)
        reporter.progress("start", "laying out the files")
        properties = request.resource.properties
        version = build_version(place, bundle, bundle.model_path, python, _deadline(bundle.spec.probes), properties)
        write_json(place.owner, {"deploy_file": str(deploy_file(request.spec))})
        with _recorded(place):
            switch(place, version, request.verify, reporter)
    return observe_service(place)


def rollback(request: ServiceRequest) -> LiveResource:
    """Bring back the version before, proven like any other; the current one becomes the one before.

    Raises `DeploymentError` (SW2011 if there is none).
    """
    place = service_place(request.spec, request.service)
    reporter = Reporter(request.emit, request.service)
    if not place.record.exists():
        raise missing(request.service)
    with _alone(place, reporter):
        name = read_json(place.record).get("previous")
        version = read_version(place.versions / name) if name else None
        if version is None:
            raise DeploymentError(
                "SW2011",
                f"Service {request.service} has no version before this one.",
                cause="The local target keeps the version that a successful update replaced, one back.",
                steps=["Change the deploy file to what you want and run `scorewright up`."],
            )
        switch(place, version, request.verify, reporter)
    return observe_service(place)


def delete(request: DeleteRequest) -> None:
    """Stop a service and delete all its files; returns when nothing of it is left.

    Raises `DeploymentError` (SW2004) if a process cannot be ended.
    """
    place = service_place(request.spec, request.live.name)
    reporter = Reporter(request.emit, place.name)
    with _alone(place, reporter):
        reporter.progress("stop", "stopping")
        end_front(place)
        remove_tree(place.folder)
        place.busy.unlink(missing_ok=True)
    for folder in (place.folder.parent, place.folder.parent.parent):
        with contextlib.suppress(OSError):  # other services are there
            folder.rmdir()


def switch(place: ServicePlace, version: Version, verify: Verify | None, reporter: Reporter) -> None:
    """Start a version as candidate, have it verified, make it current. If that fails nothing of it stays."""
    with _trial(place, version) as (front, events):
        reporter.progress("init", f"starting version {version.id}")
        try:
            endpoint = _await_healthy(events, place, version, reporter)
            if verify is not None:
                reporter.progress("golden request", "asking the new version")
                verify(endpoint)
            front.promote(version.id)
        except FrontRefused as refused:
            raise start_error({"detail": "ended after it had been ready"}, version, place.log) from refused
        except FrontGone as gone:
            raise front_failed(place, str(gone)) from gone
        reporter.progress("swap", f"version {version.id} is current")


@contextlib.contextmanager
def _trial(place: ServicePlace, version: Version) -> Iterator[tuple[Front, Iterator[Mapping[str, Json]]]]:
    """A trial of a version. A front with nothing to serve ends by itself, maybe just now: then there is a second one.

    Raises `DeploymentError` (SW2003).
    """
    with contextlib.ExitStack() as stack:
        front = ensure_front(place)
        try:
            events = stack.enter_context(front.trial(version.id))
        except FrontGone:
            front = ensure_front(place)
            try:
                events = stack.enter_context(front.trial(version.id))
            except FrontGone as gone:
                raise front_failed(place, str(gone)) from gone
        yield front, events


def _await_healthy(
    events: Iterator[Mapping[str, Json]], place: ServicePlace, version: Version, reporter: Reporter
) -> Endpoint:
    """The candidate's private endpoint, once it is healthy. Raises `DeploymentError` (SW2005, SW2006)."""
    for event in events:
        if event["event"] == "log":
            reporter.log(str(event["line"]))
        elif event["event"] == "waiting":
            reporter.progress("init", "loading")
        elif event["event"] == "failed":
            raise start_error(event, version, place.log)
        elif event["event"] == "healthy":
            return Endpoint(place.name, f"{event['uri']}/score", {"Authorization": f"Bearer {event['key']}"})
    raise start_error({}, version, place.log)


def no_model_file(service: str) -> DeploymentError:
    """The error for a model that only a registry has."""
    return DeploymentError(
        "SW2012",
        f"Service {service}: the local target needs the model's file.",
        cause="The deploy file names a registered model, and there is no registry on this machine.",
        steps=[f"Give services.{service}.model.path: the file or folder that was registered."],
    )


def missing(service: str) -> DeploymentError:
    """The error for a service that does not exist on this machine."""
    return DeploymentError(
        "SW2007",
        f"Service {service} is not running on this machine.",
        cause="Nothing was started from this deploy file under that name, or it was taken down.",
        steps=["Start it with `scorewright up`.", "See what runs with `scorewright status`."],
    )


def _deadline(probes: Probes) -> float:
    """How long a start may take: what the liveness probe of the cloud would allow."""
    return float(probes.initial_delay_seconds + probes.failure * probes.period_seconds)


@contextlib.contextmanager
def _alone(place: ServicePlace, reporter: Reporter) -> Iterator[None]:
    """Keep other commands off this service. Raises `DeploymentError`: SW2010, and SW2018 for what the disk refuses."""
    try:
        with (
            stored(place.name),
            locked(
                place.busy,
                seconds=BUSY_SECONDS,
                on_wait=lambda: reporter.progress("start", "waiting for another command that works on this service"),
            ),
        ):
            yield
    except TimeoutError as error:
        raise DeploymentError(
            "SW2010",
            f"Another command is working on service {place.name}.",
            cause=f"It has held {place.busy} for {BUSY_SECONDS / 60:g} minutes.",
            steps=["Wait for it or end it, and repeat the command."],
        ) from error


@contextlib.contextmanager
def _recorded(place: ServicePlace) -> Iterator[None]:
    """Leave word of a failure where there is no earlier version to fall back on, for ``status``."""
    try:
        yield
    except ScorewrightError as error:
        if read_json(place.record).get("current") is None:
            write_json(place.failure, {"summary": error.summary, "cause": error.cause})
        prune(place)
        raise
