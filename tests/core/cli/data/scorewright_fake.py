"""A plugin as a stranger would install it: a framework whose models are text files, and a target that is a JSON file.

The target keeps what it was told in the file that ``FAKE_STATE`` names, and says that its services are at ``FAKE_URI``.
A service whose environment has ``BREAK`` cannot be created. With ``FAKE_CTRL_C`` logs end with Ctrl-C.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError
from scorewright.events import Event
from scorewright.framework import (
    Detection,
    DetectRequest,
    Framework,
    Inspection,
    InspectRequest,
    Resolution,
    ResolveRequest,
    Script,
    ScriptRequest,
)
from scorewright.hookspecs import hookimpl
from scorewright.signature import Signature, TensorSpec
from scorewright.target import (
    ChangeRequest,
    DeleteRequest,
    DesiredRequest,
    Endpoint,
    Keys,
    LiveResource,
    Resource,
    ServiceRequest,
    Target,
    TargetRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Json

SIGNATURE = Signature((TensorSpec("x", "float32", (None, 2)),), (TensorSpec("y", "float32", (None, 1)),), True)
LOCK = threading.Lock()
"""Services are created and deleted side by side."""


def detect(request: DetectRequest) -> Detection | None:
    return Detection("text", "it ends in .fake") if request.path.suffix == ".fake" else None


def inspect(request: InspectRequest) -> Inspection:
    return Inspection(SIGNATURE)


def resolve(request: ResolveRequest) -> Resolution:
    return Resolution("1.0", "3.11", ("3.11",), (), "image:1")


def script(request: ScriptRequest) -> Script:
    return Script("def init() -> None: ...\n\n\ndef run(data: bytes) -> None: ...\n", "name: fake\n")


def state() -> dict[str, dict[str, Json]]:
    path = Path(os.environ["FAKE_STATE"])
    found: dict[str, dict[str, Json]] = json.loads(path.read_text()) if path.exists() else {}
    return found


def write(services: dict[str, dict[str, Json]]) -> None:
    Path(os.environ["FAKE_STATE"]).write_text(json.dumps(services))


def live(name: str, properties: dict[str, Json]) -> LiveResource:
    info: dict[str, Json] = {"version": "v1", "replicas": 1, "device": "cpu", "scoring_uri": os.environ["FAKE_URI"]}
    return LiveResource("service", name, properties, ours=True, owned=True, info=info)


def desired(request: DesiredRequest) -> tuple[Resource, ...]:
    return tuple(
        Resource("service", name, {"timeout_ms": request.spec.services[name].timeout_ms}, service=name)
        for name in request.bundles
    )


def observe(request: TargetRequest) -> tuple[LiveResource, ...]:
    return tuple(live(name, properties) for name, properties in state().items())


def change(request: ChangeRequest) -> LiveResource:
    name = request.resource.name
    if "BREAK" in request.spec.services[name].env:
        raise DeploymentError("SW2001", "the shelf is broken", cause="it was told to break", steps=["repair it"])
    request.emit(Event("step.progress", "putting it there", f"service/{name}", "shelve"))
    with LOCK:
        write({**state(), name: dict(request.resource.properties)})
    return live(name, dict(request.resource.properties))


def delete(request: DeleteRequest) -> None:
    with LOCK:
        write({name: properties for name, properties in state().items() if name != request.live.name})


def endpoint(request: ServiceRequest) -> Endpoint:
    return Endpoint(request.service, os.environ["FAKE_URI"], {"authorization": "Bearer first-secret"})


def logs(request: ServiceRequest) -> Iterator[str]:
    yield from ["one", "two", *(["three, later"] if request.follow else [])]
    if "FAKE_CTRL_C" in os.environ:
        raise KeyboardInterrupt


def keys(request: ServiceRequest) -> Keys:
    return Keys("first-secret", "second-secret")


def regenerate_key(request: ServiceRequest) -> Keys:
    return Keys("new-secret", "second-secret") if request.key == "primary" else Keys("first-secret", "new-secret")


def rollback(request: ServiceRequest) -> LiveResource:
    return live(request.service, {})


@hookimpl
def scorewright_frameworks() -> tuple[Framework, ...]:
    return (Framework("fake", "Text files.", detect, inspect, resolve, script),)


@hookimpl
def scorewright_targets() -> tuple[Target, ...]:
    return (
        Target(
            name="shelf",
            summary="A JSON file.",
            gpu_default="off",
            check=lambda request: (),
            desired=desired,
            observe=observe,
            create=change,
            update=change,
            delete=delete,
            endpoint=endpoint,
            logs=logs,
            keys=keys,
            regenerate_key=regenerate_key,
            rollback=rollback,
            left=lambda request: ("the shelf itself",),
        ),
    )
