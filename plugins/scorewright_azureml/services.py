"""One scoring service: created, tried as a candidate, updated, restored, rolled back, deleted.

A new version is first deployed beside the live one, under a name of its own and with one replica. Only when that has
answered the golden request does the live service get it, in place and replica by replica. If it fails even then, the
version before is put back from the workspace's registry.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError, ScorewrightError
from scorewright.events import Event
from scorewright.target import Endpoint, LiveResource

from . import models, tags
from .access import headers
from .connection import refused
from .downtime import tries_candidate
from .inference import inference, repacked, unpacked
from .rollout import Rollout
from .sdk import SdkError
from .settings import arguments, cleared, live_properties

if TYPE_CHECKING:
    from scorewright.bundle import Bundle
    from scorewright.events import Emit
    from scorewright.findings import Json
    from scorewright.spec.models import Spec
    from scorewright.target import ChangeRequest, Resource, ServiceRequest, Verify

    from .connection import Connection

_LONGEST_NAME = 32


def candidate_name(service: str) -> str:
    """The name under which a new version is tried."""
    return f"{service[: _LONGEST_NAME - 5].rstrip('-')}-next"


def live(spec: Spec, found: dict[str, Any], candidate: str | None = None) -> LiveResource:
    """A service as a resource. ``candidate``: the name of one that an interrupted run left."""
    marks = found["tags"]
    states = {"Healthy": "healthy", "Transitioning": "changing", "Unhealthy": "unhealthy"}
    return LiveResource(
        "service",
        found["name"],
        live_properties(found, candidate),
        ours=tags.is_ours(marks),
        owned=tags.is_owned(marks, spec, named=found["name"] in spec.services),
        state=states.get(found["state"], "failed"),
        info={
            "scoring_uri": found["scoring_uri"],
            "swagger_uri": found["swagger_uri"],
            "version": marks.get(tags.BUNDLE),
            "replicas": found["replicas"],
            "state": found["state"],
            "gpus": (found["resources"] or {}).get("gpus"),
        },
    )


class Change:
    """One create or update of a service, step by step. Every step may be repeated."""

    def __init__(self, connection: Connection, request: ChangeRequest) -> None:
        assert request.bundle is not None
        self._connection = connection
        self._spec: Spec = request.spec
        self._emit: Emit = request.emit
        self._resource: Resource = request.resource
        self._bundle: Bundle = request.bundle
        self._verify: Verify | None = request.verify
        self._service = self._rollout(self._resource.name)

    def apply(self) -> LiveResource:
        """Bring the service to what is wanted, whatever is there."""
        self._drop_candidate()
        found = self._service.get()
        if found is not None and found["state"] in {"Failed", "Unschedulable"} and not found["tags"].get(tags.PROVEN):
            self._say("removing a first version that never came up")
            self._service.delete()
            found = None
        if found is None:
            self._create()
        elif found["tags"].get(tags.HASH) != self._bundle.hash:
            self._replace_version(found)
        else:
            self._settle(found)
        found = self._service.get()
        assert found is not None
        return live(self._spec, found)

    def _create(self) -> None:
        """The first version: there are no callers yet; if it fails, nothing is left of it."""
        marks = self._marks(before=None)
        asked = self._deploy(self._service, dict(self._resource.properties), marks)
        try:
            self._prove(self._service, asked)
        except ScorewrightError:
            self._say("removing the version that failed")
            self._service.delete()
            raise
        self._service.update(settings={"tags": {**marks, tags.PROVEN: self._bundle.hash}})

    def _settle(self, found: dict[str, Any]) -> None:
        """The right version is there: bring its settings to what is wanted and prove it."""
        marks = {**found["tags"], **self._marks(before=found["tags"].get(tags.BEFORE))}
        own = {key for key in found["tags"] if not key.startswith(tags.MADE)}
        marks = {key: value for key, value in marks.items() if key not in own - set(self._bundle.spec.tags)}
        self._prove(self._service, found)
        asked = self._service.update(settings=arguments(self._resource.properties, marks))
        self._service.clear(cleared(self._resource.properties, live_properties(found, None)))
        self._prove(self._service, asked)
        self._service.update(settings={"tags": {**marks, tags.PROVEN: self._bundle.hash}})

    def _replace_version(self, found: dict[str, Any]) -> None:
        """A new version of a live service."""
        if tries_candidate(self._spec, self._bundle.spec):
            self._try_candidate()
        before = " ".join((found["tags"].get(tags.BUNDLE, ""), *found["models"]))
        marks = self._marks(before)
        try:
            asked = self._update_in_place(marks)
            self._service.clear(cleared(self._resource.properties, live_properties(found, None)))
            self._prove(self._service, asked)
        except ScorewrightError as error:
            self._restore(found, error)
        self._service.update(settings={"tags": {**marks, tags.PROVEN: self._bundle.hash}})
        self._drop_candidate()

    def _try_candidate(self) -> None:
        candidate = self._rollout(candidate_name(self._resource.name))
        self._say(f"trying the new version as {candidate.name}")
        wanted = {**self._resource.properties, "replicas": 1, "autoscale": None}
        marks = tags.of(self._spec, "candidate", **{tags.SERVICE: self._resource.name, tags.HASH: self._bundle.hash})
        try:
            self._prove(candidate, self._deploy(candidate, wanted, marks))
        except ScorewrightError:
            candidate.delete()
            raise

    def _drop_candidate(self) -> None:
        candidate = self._rollout(candidate_name(self._resource.name))
        found = candidate.get()
        if found is not None and found["tags"].get(tags.MADE) == "candidate":
            candidate.delete()

    def _deploy(self, rollout: Rollout, wanted: dict[str, Any], marks: dict[str, str]) -> dict[str, Any]:
        cluster = self._spec.cluster
        assert cluster is not None
        with unpacked(self._bundle.files) as folder:
            return rollout.deploy(
                models=[models.registered_id(self._connection, self._bundle)],
                inference=inference(self._bundle, folder),
                settings=arguments(wanted, marks),
                compute=cluster.name,
            )

    def _update_in_place(self, marks: dict[str, str]) -> dict[str, Any]:
        with unpacked(self._bundle.files) as folder:
            return self._service.update(
                models=[models.registered_id(self._connection, self._bundle)],
                inference=inference(self._bundle, folder),
                settings=arguments(self._resource.properties, marks),
            )

    def _prove(self, rollout: Rollout, asked: dict[str, Any]) -> None:
        """Wait until it is healthy, and have it answer the golden request with its real key."""
        found = rollout.follow(asked)
        if self._verify is not None:
            self._say(f"golden request to {rollout.name}", "golden request")
            self._verify(Endpoint(rollout.name, found["scoring_uri"], headers(self._connection, found)))

    def _restore(self, found: dict[str, Any], error: ScorewrightError) -> None:
        """Put the version before back and raise what went wrong. Raises `DeploymentError` always."""
        self._say("the new version failed: putting the version before back")
        put_back(self._connection, self._service, found["tags"], found["models"], live_properties(found, None))
        self._drop_candidate()
        raise error

    def _marks(self, before: str | None) -> dict[str, str]:
        made = tags.of(
            self._spec,
            "service",
            **{
                tags.HASH: self._bundle.hash,
                tags.SERVICE: self._resource.name,
                tags.BUNDLE: models.keep_bundle(self._connection, self._spec, self._bundle),
            },
        )
        return {**self._bundle.spec.tags, **made, **({tags.BEFORE: before} if before else {})}

    def _rollout(self, name: str) -> Rollout:
        return Rollout(self._connection, name, self._emit, self._resource.address)

    def _say(self, message: str, stage: str | None = None) -> None:
        self._emit(Event("step.progress", message, self._resource.address, stage))


def put_back(
    connection: Connection, service: Rollout, marks: dict[str, str], model_ids: list[str], wanted: dict[str, Json]
) -> None:
    """Deploy a registered bundle again, in place. ``marks``: the tags that the service shall have."""
    bundle = marks.get(tags.BUNDLE, "")
    with tempfile.TemporaryDirectory(prefix="scorewright-bundle-") as folder:
        try:
            path = connection.read("model_download", model=bundle, folder=folder)
        except SdkError as error:
            raise refused(error, f"fetch the bundle {bundle}") from error
        with repacked(Path(path)) as source:
            asked = service.update(
                models=model_ids, inference=inference(None, source), settings=arguments(wanted, marks)
            )
    service.follow(asked)


def rollback(connection: Connection, request: ServiceRequest) -> LiveResource:
    """Put a service back to the version that it ran before, and prove that one.

    Raises `DeploymentError`: SW2121 if there is none.
    """
    service = Rollout(connection, request.service, request.emit, f"service/{request.service}")
    found = service.get()
    bundle, *model_ids = (found["tags"].get(tags.BEFORE, "").split() if found else []) or [""]
    if found is None or not bundle:
        raise DeploymentError(
            "SW2121",
            f"there is no version before of {request.service}",
            cause="it was deployed once only, or it does not exist",
            steps=["scorewright status -t azureml"],
        )
    now = " ".join((found["tags"].get(tags.BUNDLE, ""), *found["models"]))
    before_hash = connection.read("model_get", name=bundle.rpartition(":")[0], version=int(bundle.rpartition(":")[2]))
    marks = {
        **found["tags"],
        tags.BUNDLE: bundle,
        tags.BEFORE: now,
        tags.HASH: before_hash["tags"][tags.HASH],
    }
    marks.pop(tags.PROVEN, None)
    put_back(connection, service, marks, model_ids, live_properties(found, None))
    again = service.get()
    assert again is not None
    if request.verify is not None:
        request.verify(Endpoint(request.service, again["scoring_uri"], headers(connection, again)))
    service.update(settings={"tags": {**marks, tags.PROVEN: marks[tags.HASH]}})
    settled = service.get()
    assert settled is not None
    return live(request.spec, settled)


def remove(connection: Connection, spec: Spec, name: str, emit: Emit) -> None:
    """Delete a service, its candidate, and the bundles that were kept of it; wait until they are gone."""
    for each in (candidate_name(name), name):
        service = Rollout(connection, each, emit, f"service/{name}")
        found = service.get()
        if found is not None and tags.is_ours(found["tags"]):
            service.delete()
    models.remove(connection, f"{name}.bundle", kind="bundle")
