"""The history service's artifacts: where to upload files to, and where to read them from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .blobs import below, content_uri
from .exchange import ApiError, Call, Reply, service_error

if TYPE_CHECKING:
    from .plane import Plane

BATCH = 50
"""Most paths of one upload request."""


def reserve(plane: Plane, call: Call) -> Reply:
    """A URL to upload each of the named files to."""
    origin, container = call.parts["origin"], call.parts["container"]
    paths = [entry["path"] for entry in call.json().get("paths", [])]
    if not 0 < len(paths) <= BATCH:
        raise ApiError(400, service_error("BadRequest", 400, f"Give 1 to {BATCH} paths, not {len(paths)}."))
    ids = {path: f"{origin}/{container}/{path}" for path in paths}
    common = {"origin": origin, "container": container}
    return Reply(
        body={
            "artifacts": {path: common | {"artifactId": id, "path": path} for path, id in ids.items()},
            "artifactContentInformation": {
                path: common | {"path": path, "contentUri": content_uri(plane, id)} for path, id in ids.items()
            },
            "errors": {},
        }
    )


def contents(plane: Plane, call: Call) -> Reply:
    """A URL to read each file below a prefix from."""
    origin, container = call.parts["origin"], call.parts["container"]
    start = f"{origin}/{container}/"
    found = [
        {"origin": origin, "container": container, "path": id[len(start) :], "contentUri": content_uri(plane, id)}
        for id, _ in below(plane, start + call.parts["prefix"])
    ]
    return Reply(body={"value": found})
