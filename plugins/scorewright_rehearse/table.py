"""Every request the emulator answers, one row each. ``docs/rehearse.md`` lists the same for people."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from . import arm, artifacts, blobs, environments, login, models, services
from .exchange import Call, Reply
from .plane import Names, Plane

Handler: TypeAlias = Callable[[Plane, Call], Reply]


@dataclass(frozen=True)
class Route:
    """A row. ``action``: its name for rules and the recorder. ``host``: a key of `Names.hosts`. ``path``: ``{WS}`` is
    the workspace's resource id; ``{name}`` captures one segment, ``{name*}`` the rest. ``open``: needs no bearer
    token."""

    action: str
    method: str
    host: str
    path: str
    handler: Handler
    open: bool = False


MMS = "/modelmanagement/v1.0{WS}"
HISTORY = "/artifact/v2.0{WS}/artifacts"
ENVIRONMENTS = "/environment/v1.0{WS}/environments"
COMPUTE_STATUS = (
    "/subscriptions/{s}/providers/Microsoft.MachineLearningServices/locations/{l}/computeOperationsStatus/{id}"
)

ROUTES = (
    Route("login.configuration", "GET", "login", "/{tenant}/v2.0/.well-known/openid-configuration",
          login.configuration, open=True),
    Route("login.instances", "GET", "login", "/common/discovery/instance", login.instances, open=True),
    Route("login.token", "POST", "login", "/{tenant}/oauth2/v2.0/token", login.issue, open=True),
    Route("subscriptions.list", "GET", "arm", "/subscriptions", arm.subscriptions),
    Route("workspace.get", "GET", "arm", "{WS}", arm.workspace),
    Route("discovery.get", "GET", "api", "/discovery", arm.discovery, open=True),
    Route("computes.list", "GET", "api", "/rp/workspaces{WS}/computes", arm.list_computes),
    Route("computes.get", "GET", "api", "/rp/workspaces{WS}/computes/{name}", arm.get_compute),
    Route("computes.put", "PUT", "arm", "{WS}/computes/{name}", arm.put_compute),
    Route("computes.delete", "DELETE", "arm", "{WS}/computes/{name}", arm.delete_compute),
    Route("computes.operation", "GET", "arm", COMPUTE_STATUS, arm.compute_operation),
    Route("artifacts.reserve", "POST", "api", HISTORY + "/batch/metadata/{origin}/{container}", artifacts.reserve),
    Route("artifacts.contents", "GET", "api", HISTORY + "/prefix/contentinfo/{origin}/{container}/{prefix*}",
          artifacts.contents),
    Route("blobs.put", "PUT", "blobs", "/azureml/{blob*}", blobs.put, open=True),
    Route("blobs.head", "HEAD", "blobs", "/azureml/{blob*}", blobs.head, open=True),
    Route("blobs.get", "GET", "blobs", "/azureml/{blob*}", blobs.get, open=True),
    Route("assets.create", "POST", "models", MMS + "/assets", models.create_asset),
    Route("assets.get", "GET", "models", MMS + "/assets/{id}", models.get_asset),
    Route("models.create", "POST", "models", MMS + "/models", models.create_model),
    Route("models.list", "GET", "models", MMS + "/models", models.list_models),
    Route("models.get", "GET", "models", MMS + "/models/{id}", models.get_model),
    Route("models.update", "PATCH", "models", MMS + "/models/{id}", models.patch_model),
    Route("models.delete", "DELETE", "models", MMS + "/models/{id}", models.delete_model),
    Route("environments.put", "PUT", "api", ENVIRONMENTS + "/{name}", environments.put),
    Route("environments.put", "PUT", "api", ENVIRONMENTS + "/{name}/versions/{version}", environments.put),
    Route("environments.get", "GET", "api", ENVIRONMENTS + "/{name}", environments.get),
    Route("environments.get", "GET", "api", ENVIRONMENTS + "/{name}/versions/{version}", environments.get),
    Route("environments.list", "GET", "api", ENVIRONMENTS + "/", environments.list_all),
    Route("services.validate", "POST", "models", MMS + "/services/validate/name/{name}", services.validate_name),
    Route("services.validate", "POST", "models", MMS + "/services/validate/resource", services.validate),
    Route("services.validate", "POST", "models", MMS + "/services/validate", services.validate),
    Route("services.create", "POST", "models", MMS + "/services", services.create),
    Route("services.list", "GET", "models", MMS + "/services", services.list_all),
    Route("services.get", "GET", "models", MMS + "/services/{name}", services.get),
    Route("services.update", "PATCH", "models", MMS + "/services/{name}", services.update),
    Route("services.delete", "DELETE", "models", MMS + "/services/{name}", services.delete),
    Route("services.keys", "POST", "models", MMS + "/services/{name}/listkeys", services.keys),
    Route("services.regenerate", "POST", "models", MMS + "/services/{name}/regenerateKeys", services.regenerate),
    Route("services.token", "POST", "models", MMS + "/services/{name}/token", services.token),
    Route("services.logs", "GET", "models", MMS + "/services/{name}/logs", services.logs),
    Route("operations.get", "GET", "models", MMS + "/operations/{id}", services.operation),
)  # fmt: skip


class Table:
    """The routes of one workspace, ready for matching."""

    def __init__(self, names: Names) -> None:
        self._routes = [
            (route.method, names.hosts[route.host], re.compile(_pattern(route.path, names)), route) for route in ROUTES
        ]

    def find(self, method: str, host: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a request and what its path captured, decoded. ``path``: as it came, percent-encoded."""
        for wanted, known, pattern, route in self._routes:
            if method == wanted and host == known and (match := pattern.fullmatch(path)):
                return route, {key: unquote(value) for key, value in match.groupdict().items()}
        return None


def _pattern(path: str, names: Names) -> str:
    """Resource names are compared as Azure does, whatever their case."""
    pieces = []
    for piece in re.split(r"(\{\w+\*?\})", path):
        if piece == "{WS}":
            pieces.append(f"(?i:{re.escape(names.scope)})")
        elif piece.startswith("{"):
            rest = piece.endswith("*}")
            pieces.append(f"(?P<{piece.strip('{*}')}>{'.+' if rest else '[^/]+'})")
        else:
            pieces.append(re.escape(piece))
    return "".join(pieces)
