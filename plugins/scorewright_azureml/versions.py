"""Versions of a service: which bundle and models it runs, which were proven, and how to go back to one."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorewright.errors import DeploymentError, ScorewrightError
from scorewright.target import Endpoint

from . import tags
from .access import address, headers
from .connection import refused
from .inference import inference, repacked
from .rollout import Rollout
from .sdk import SdkError
from .settings import arguments, live_properties

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorewright.target import ServiceRequest

    from .connection import Connection


@dataclass(frozen=True)
class Version:
    """What a service ran. ``bundle`` and ``models``: as ``name:version`` in the registry."""

    bundle: str
    models: tuple[str, ...]

    @staticmethod
    def parse(text: str) -> Version | None:
        """The inverse of ``str``; None for an empty text."""
        bundle, *models = text.split() or [""]
        return Version(bundle, tuple(models)) if bundle else None

    def __str__(self) -> str:
        return " ".join((self.bundle, *self.models))


def running(found: Mapping[str, Any]) -> Version | None:
    """The version that a service was last given; None if it is not known."""
    bundle = found["tags"].get(tags.BUNDLE)
    return Version(bundle, tuple(found["models"])) if bundle else None


def before(found: Mapping[str, Any]) -> Version | None:
    """The version that it ran before that."""
    return Version.parse(found["tags"].get(tags.BEFORE, ""))


def is_proven(found: Mapping[str, Any]) -> bool:
    """Whether what it was last given has answered its golden request."""
    return bool(found["tags"].get(tags.PROVEN) and found["tags"].get(tags.PROVEN) == found["tags"].get(tags.HASH))


def good(found: Mapping[str, Any]) -> Version | None:
    """The last version that was proven: the one that runs, else the one before; None for a first version."""
    return running(found) if is_proven(found) else before(found)


def marks_of(connection: Connection, found: Mapping[str, Any], version: Version) -> dict[str, str]:
    """The tags that a service has with this version, which was proven before."""
    if version == running(found):
        return dict(found["tags"])
    digest = _hash(connection, version.bundle)
    marks = {**found["tags"], tags.BUNDLE: version.bundle, tags.HASH: digest, tags.PROVEN: digest}
    marks.pop(tags.BEFORE, None)
    return marks


def _hash(connection: Connection, bundle: str) -> str:
    name, _, number = bundle.rpartition(":")
    try:
        found = connection.read("model_get", name=name, version=int(number))
    except SdkError as error:
        raise refused(error, f"look at the bundle {bundle}") from error
    if found is None:
        raise DeploymentError(
            "SW2126",
            f"the bundle {bundle} is gone",
            cause="the version to go back to is no longer registered in the workspace",
            steps=["deploy what the deploy file says: scorewright up -t azureml"],
        )
    return str(found["tags"][tags.HASH])


def put_back(
    connection: Connection, service: Rollout, found: Mapping[str, Any], version: Version, marks: Mapping[str, str]
) -> dict[str, Any]:
    """Deploy a registered version again, in place, with the settings of ``found``, and give it once it is healthy."""
    with tempfile.TemporaryDirectory(prefix="scorewright-bundle-") as folder:
        try:
            path = connection.read("model_download", model=version.bundle, folder=folder)
        except SdkError as error:
            raise refused(error, f"fetch the bundle {version.bundle}") from error
        with repacked(Path(path)) as source:
            asked = service.update(
                models=[*version.models],
                inference=inference(None, source),
                settings=arguments(live_properties(found, None), marks),
            )
    return service.follow(asked)


def prove(service: Rollout, marks: Mapping[str, str]) -> dict[str, Any]:
    """Note on the service that its version answered, wait until that is done, and give the service."""
    asked = service.update(settings={"tags": {**marks, tags.PROVEN: marks[tags.HASH]}})
    return service.follow(asked, container=False)


def rollback(connection: Connection, request: ServiceRequest) -> dict[str, Any]:
    """Put a service back to the version that it ran before, and prove that one; if it fails, the one that ran is put
    back. Asked again after an interruption, it goes on with what it began.

    Raises `DeploymentError`: SW2121 if there is none.
    """
    service = Rollout(connection, request.service, request.emit, f"service/{request.service}")
    found = service.get()
    version = before(found) if found else None
    if found is None or version is None:
        raise DeploymentError(
            "SW2121",
            f"there is no version before of {request.service}",
            cause="it was deployed once only, or it does not exist",
            steps=["scorewright status -t azureml"],
        )
    begun = tags.ROLLBACK in found["tags"]
    now = running(found)
    marks = dict(found["tags"])
    try:
        if not begun:
            marks = {**marks_of(connection, found, version), tags.ROLLBACK: "begun"}
            marks |= {tags.BEFORE: str(now)} if now else {}
            marks.pop(tags.PROVEN)
            put_back(connection, service, found, version, marks)
        _answer(connection, service, request)
    except ScorewrightError:
        if now is not None and not begun and is_proven(found):
            put_back(connection, service, found, now, found["tags"])
        raise
    marks.pop(tags.ROLLBACK)
    return prove(service, marks)


def _answer(connection: Connection, service: Rollout, request: ServiceRequest) -> None:
    again = service.follow({})
    if request.verify is not None:
        request.verify(Endpoint(request.service, address(again), headers(connection, again)))
