"""One scoring service: created, tried as a candidate, updated, restored, rolled back, deleted.

A new version is first deployed beside the live one, under a name of its own and with one replica. Only when that has
answered the golden request does the live service get it, in place and replica by replica. If it fails even then, the
version before is put back from the workspace's registry.
"""

from __future__ import annotations

import dataclasses
import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from scorewright.errors import DeploymentError, ScorewrightError
from scorewright.events import Event
from scorewright.target import Endpoint, LiveResource

from . import models, tags, versions
from .access import address, headers
from .downtime import spare_gpus, tries_candidate
from .inference import inference, unpacked
from .rollout import Rollout
from .settings import arguments, cleared, gpus, live_properties
from .waiting import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scorewright.bundle import Bundle
    from scorewright.events import Emit
    from scorewright.findings import Json
    from scorewright.spec.models import Spec
    from scorewright.target import ChangeRequest, Verify

    from .connection import Connection

_LONGEST_NAME = 32
_BROKEN = frozenset(["Failed", "Unhealthy", "Unschedulable"])


def candidate_name(service: str) -> str:
    """The name under which a new version is tried; where there is no room for it, with digits of the name's hash."""
    name = f"{service}-next"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{service[: _LONGEST_NAME - 12]}-{hashlib.sha256(service.encode()).hexdigest()[:6]}-next"


def live(
    spec: Spec,
    found: dict[str, Any],
    candidate: str | None = None,
    parts: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> LiveResource:
    """A service as a resource. ``candidate``: the name of one that an interrupted run left. ``parts``: of the
    registered bundles."""
    marks = found["tags"]
    states = {"Healthy": "healthy", "Transitioning": "changing", "Unhealthy": "unhealthy"}
    return LiveResource(
        "service",
        found["name"],
        live_properties(found, candidate),
        ours=tags.is_ours(marks) and marks.get(tags.PROJECT, spec.project) == spec.project,
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
        parts=parts.get(marks.get(tags.BUNDLE, ""), {}),
    )


def seen(spec: Spec, found: list[dict[str, Any]], parts: Mapping[str, Mapping[str, str]]) -> Iterator[LiveResource]:
    """Of all services of the workspace those that are ours or bear a name that we want. A candidate belongs to its
    service, and stands for itself where that is gone."""
    there = {service["name"] for service in found}
    tried = {service["tags"].get(tags.SERVICE): service for service in found if _made(service) == "candidate"}
    for service in found:
        if _made(service) == "service" or (service["name"] in spec.services and _made(service) != "candidate"):
            candidate = tried.get(service["name"])
            yield live(spec, service, candidate["name"] if candidate else None, parts)
    for name, service in tried.items():
        if name not in there:
            owned = tags.is_owned(service["tags"], spec, named=name in spec.services)
            yield dataclasses.replace(live(spec, service), owned=owned, spare=name in spec.services)


def _made(service: dict[str, Any]) -> str | None:
    kind: str | None = service["tags"].get(tags.MADE)
    return kind


class Change:
    """One create or update of a service, step by step. Every step may be repeated."""

    def __init__(self, connection: Connection, request: ChangeRequest) -> None:
        assert request.bundle is not None
        self._connection = connection
        self._spec: Spec = request.spec
        self._emit: Emit = request.emit
        self._wanted: dict[str, Json] = dict(request.resource.properties)
        self._bundle: Bundle = request.bundle
        self._verify: Verify | None = request.verify
        self._address = request.resource.address
        self._service = self._rollout(request.resource.name)
        self._candidate = self._rollout(candidate_name(request.resource.name))

    def apply(self) -> LiveResource:
        """Bring the service to what is wanted, whatever is there."""
        found = self._found()
        self._drop_candidate()
        if found is not None and found["state"] in _BROKEN and versions.good(found) is None:
            self._say("removing a first version that never came up")
            self._service.delete()
            found = None
        if found is None:
            proven = self._create()
        elif found["state"] in _BROKEN or found["tags"].get(tags.HASH) != self._bundle.hash:
            proven = self._replace_version(found)
        else:
            proven = self._settle(found)
        return live(self._spec, proven)

    def _found(self) -> dict[str, Any] | None:
        found = self._service.get()
        if found is not None and found["state"] == "Deleting":  # an earlier run was stopped while it deleted it
            self._service.until_gone()
            return None
        if found is not None and not tags.is_ours(found["tags"]):
            raise DeploymentError(
                "SW2125",
                f"the name {self._service.name} is taken",
                cause="the workspace has a service of this name that scorewright did not make",
                steps=["give the service another name in the deploy file", "or delete that one, if it is yours"],
            )
        return found

    def _create(self) -> dict[str, Any]:
        """The first version: there are no callers yet; if it fails, nothing is left of it."""
        marks = self._marks(None)
        asked = self._deploy(self._service, self._wanted, marks)
        try:
            self._prove(self._service, asked)
        except ScorewrightError as error:
            self._undo(None, error)
        return versions.prove(self._service, marks)

    def _settle(self, found: dict[str, Any]) -> dict[str, Any]:
        """The right version is there: bring its settings to what is wanted and prove it."""
        try:
            found = self._service.follow({})
            marks = self._marks(versions.before(found))
            if self._differs(found, marks):
                self._change(found, marks)
            self._prove(self._service, {})
        except ScorewrightError as error:
            self._undo(found, error)
        return versions.prove(self._service, marks)

    def _differs(self, found: dict[str, Any], marks: dict[str, str]) -> bool:
        """Whether more is to be done than to prove what is there."""
        there = live_properties(found, None)
        named = [key for key in self._wanted if key not in {"proven", "candidate"}]
        return any(there[key] != self._wanted[key] for key in named) or {
            **found["tags"],
            tags.PROVEN: "",
        } != {**marks, tags.PROVEN: ""}

    def _replace_version(self, found: dict[str, Any]) -> dict[str, Any]:
        """A new version of a live service, or one that has broken down deployed again."""
        last = versions.good(found)
        marks = self._marks(last)
        if last is not None and last.bundle == marks[tags.BUNDLE]:
            marks = self._marks(versions.before(found))
        if tries_candidate(self._spec, self._bundle.spec):
            self._try_candidate()
        try:
            with unpacked(self._bundle.files) as folder:
                self._change(found, marks, models=[self._model()], inference=inference(self._bundle, folder))
            self._prove(self._service, {})
        except ScorewrightError as error:
            self._undo(found, error)
        proven = versions.prove(self._service, marks)
        keep = frozenset(version.bundle for text in _kept(marks) if (version := versions.Version.parse(text)))
        models.remove(self._connection, self._spec, models.bundle_name(self._service.name), keep)
        return proven

    def _change(self, found: dict[str, Any], marks: dict[str, str], **version: object) -> None:
        """Change the service in place and wait; what the SDK's update leaves out is set after that."""
        self._service.follow(self._service.update(settings=arguments(self._wanted, marks), **version))
        missing = cleared(self._wanted, live_properties(found, None))
        if missing:
            self._service.clear(missing)
            self._service.follow({}, container=False)

    def _try_candidate(self) -> None:
        """Deploy the new version beside the live one and have it answer; then its GPU is free for the roll-out."""
        spare = spare_gpus(self._spec)
        with self._connection.spare.held(gpus(self._bundle.spec), spare[0] if spare else None):
            self._say(f"trying the new version as {self._candidate.name}")
            wanted = {**self._wanted, "replicas": 1, "autoscale": None}
            marks = {tags.SERVICE: self._service.name, tags.HASH: self._bundle.hash}
            try:
                asked = self._deploy(self._candidate, wanted, tags.of(self._spec, "candidate", **marks))
                self._prove(self._candidate, asked)
            except ScorewrightError as error:
                self._clean_up(self._drop_candidate, error)
                raise
            self._drop_candidate()

    def _drop_candidate(self) -> None:
        found = self._candidate.get()
        if found is not None and _is_candidate(found, self._service.name):
            self._candidate.delete()

    def _deploy(self, rollout: Rollout, wanted: dict[str, Any], marks: dict[str, str]) -> dict[str, Any]:
        cluster = self._spec.cluster
        assert cluster is not None
        blobfuse = self._bundle.spec.azureml.blobfuse
        creation: dict[str, Json] = {} if blobfuse is None else {"blobfuse_enabled": blobfuse}
        with unpacked(self._bundle.files) as folder:
            return rollout.deploy(
                models=[self._model()],
                inference=inference(self._bundle, folder),
                settings=arguments(wanted, marks) | creation,
                compute=cluster.name,
            )

    def _model(self) -> str:
        return models.registered_id(self._connection, self._spec, self._bundle)

    def _prove(self, rollout: Rollout, asked: dict[str, Any]) -> None:
        """Wait until it is healthy, and have it answer the golden request with its real key. What it wrote to its log
        is part of why it did not."""
        found = rollout.follow(asked)
        if self._verify is None:
            return
        self._say(f"golden request to {rollout.name}", GOLDEN.name)
        endpoint = Endpoint(rollout.name, address(found), headers(self._connection, found))
        try:
            self._verify(endpoint)
        except DeploymentError as error:
            raise rollout.wrong(error) from error

    def _undo(self, found: dict[str, Any] | None, error: ScorewrightError) -> NoReturn:
        """Put the last proven version back, or delete a first one that failed; then raise what went wrong."""
        self._clean_up(lambda: self._go_back(found), error)
        raise error

    def _go_back(self, found: dict[str, Any] | None) -> None:
        last = versions.good(found) if found is not None else None
        if found is None or last is None:
            self._say("removing the version that failed")
            self._service.delete()
            return
        if versions.is_proven(found) and _settled(self._service.get()) == _settled(found):
            return
        self._say("the new version failed: putting the version before back")
        marks = versions.marks_of(self._connection, found, last)
        versions.put_back(self._connection, self._service, found, last, marks)

    def _clean_up(self, work: Callable[[], object], error: ScorewrightError) -> None:
        """Do what shall be done after a failure; if that fails too, the first failure tells of it."""
        try:
            work()
        except ScorewrightError as second:
            also = f"cleaning up after it failed, too: {second.summary}: {second.cause}"
            steps = [*error.steps, "run the same command again: it cleans up first"]
            cause = "\n".join(part for part in (error.cause, also) if part)
            raise DeploymentError(error.code, error.summary, cause=cause, steps=steps) from error

    def _marks(self, before: versions.Version | None) -> dict[str, str]:
        """The tags of the service with the wanted version."""
        bundle = models.keep_bundle(self._connection, self._spec, self._bundle, self._service.clock())
        marks = {tags.HASH: self._bundle.hash, tags.SERVICE: self._service.name, tags.BUNDLE: bundle}
        if before is not None:
            marks[tags.BEFORE] = str(before)
        if self._bundle.spec.azureml.blobfuse is not None:
            marks[tags.BLOBFUSE] = "on" if self._bundle.spec.azureml.blobfuse else "off"
        return {**self._bundle.spec.tags, **tags.of(self._spec, "service", **marks)}

    def _rollout(self, name: str) -> Rollout:
        return Rollout(self._connection, name, self._emit, self._address)

    def _say(self, message: str, stage: str | None = None) -> None:
        self._emit(Event("step.progress", message, self._address, stage))


def _settled(found: dict[str, Any] | None) -> dict[str, Any]:
    """What a service is, apart from what its last operation says."""
    return {key: value for key, value in (found or {}).items() if key not in {"operation", "error"}}


def _kept(marks: dict[str, str]) -> tuple[str, ...]:
    return marks[tags.BUNDLE], marks.get(tags.BEFORE, "")


def _is_candidate(found: dict[str, Any], service: str) -> bool:
    return bool(_made(found) == "candidate" and found["tags"].get(tags.SERVICE) == service)


def remove(connection: Connection, spec: Spec, name: str, emit: Emit) -> None:
    """Delete a service, its candidate, and the bundles that were kept of it; wait until they are gone."""
    for each in (candidate_name(name), name):
        service = Rollout(connection, each, emit, f"service/{name}")
        found = service.get()
        if found is not None and (tags.is_ours(found["tags"]) if each == name else _is_candidate(found, name)):
            service.delete()
    models.remove(connection, spec, models.bundle_name(name))
