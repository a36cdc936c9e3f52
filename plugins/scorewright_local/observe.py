"""What exists: asked of the fronts that run; the files only say what they would start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.target import LiveResource

from .files import read_json
from .layout import read_version
from .places import deployment_folder, service_places
from .service import find_front

if TYPE_CHECKING:
    from scorewright.findings import Json
    from scorewright.target import TargetRequest

    from .places import ServicePlace

HOST = "127.0.0.1"


def observe(request: TargetRequest) -> tuple[LiveResource, ...]:
    """Every service of a deploy file that runs on this machine, or that left something behind."""
    return tuple(observe_service(place) for place in service_places(deployment_folder(request.spec)))


def observe_service(place: ServicePlace) -> LiveResource:
    """One service as it is now.

    ``failed``: it never ran, a start went wrong. ``unhealthy``: its processes are gone or do not answer; the property
    ``running`` is then False, so that a plan starts it again.
    """
    record = read_json(place.record)
    name = record.get("current")
    version = read_version(place.versions / name) if name else None
    found = find_front(place)
    described: dict[str, Json] = {} if found is None else found[1]
    if version is None:
        info: dict[str, Json] = {"log": str(place.log), **read_json(place.failure)}
        return LiveResource("service", place.name, {}, ours=True, owned=True, state="failed", info=info)
    state = str(described.get("state", "unhealthy"))
    model = version.launch["model"]
    return LiveResource(
        "service",
        place.name,
        {**version.launch["properties"], "running": state == "healthy"},
        ours=True,
        owned=True,
        state=state,
        info={
            "scoring_uri": scoring_uri(record["port"]),
            "version": version.id,
            "previous": record.get("previous"),
            "model": f"{model['name']}:{model['version']}",
            "replicas": 1,
            "device": described.get("device"),
            "pid": described.get("pid"),
            "restarts": described.get("restarts"),
            "python": version.launch["python"],
            "log": str(place.log),
        },
        parts=version.launch.get("parts", {}),
    )


def scoring_uri(port: int) -> str:
    """Where a service is called."""
    return f"http://{HOST}:{port}/score"
