"""What every emulated service works on: the names of the workspace, the world, the blobs, and the deployments."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .world import World, now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .blobs import BlobStore
    from .deployments import Deployments
    from .world import Operation

TENANT = "72f00000-0000-4000-8000-000000000001"
CLIENT_ID = "5e4f0000-0000-4000-8000-000000000002"
CLIENT_SECRET = "rehearsal-secret-of-no-worth"
FEDERATED_TOKEN = "rehearsal-federated-token-of-no-worth"
WORKSPACE_ID = "3a5c0000-0000-4000-8000-000000000003"


@dataclass(frozen=True)
class Names:
    """The workspace that exists. All else is answered 404."""

    subscription_id: str
    resource_group: str
    workspace: str
    location: str

    @property
    def scope(self) -> str:
        """The workspace's resource id."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace}"
        )

    @property
    def hosts(self) -> Mapping[str, str]:
        """The host of each part of the control plane."""
        return {
            "arm": "management.azure.com",
            "login": "login.microsoftonline.com",
            "api": f"{self.location}.api.azureml.ms",
            "models": f"{self.location}.modelmanagement.azureml.net",
            "blobs": f"{self.account}.blob.core.windows.net",
        }

    @property
    def account(self) -> str:
        """The workspace's storage account: 3 to 24 lower case letters and digits."""
        letters = "".join(letter for letter in self.workspace.lower() if letter.isalnum())
        return f"{letters[:14]}rehearsal"


@dataclass(frozen=True)
class Durations:
    """Seconds that things take. Zero: done at the first look. ``build``: only for an image that was not built yet."""

    cluster: float = 0.0
    cluster_delete: float = 0.0
    build: float = 0.0
    schedule: float = 0.0
    pull: float = 0.0
    init: float = 0.0
    delete: float = 0.0


SLOW = Durations(cluster=8, cluster_delete=4, build=6, schedule=2, pull=3, init=2, delete=2)


@dataclass
class Plane:
    """The emulated control plane behind the routes. Belongs to the emulator's thread."""

    names: Names
    blobs: BlobStore
    world: World = field(default_factory=World)
    durations: Durations = field(default_factory=Durations)
    front: str = ""
    changed: Callable[[], None] = lambda: None
    deployments: Deployments = field(init=False)

    def url(self, host: str, path: str) -> str:
        """An absolute URL on one of the emulated hosts."""
        return f"https://{self.names.hosts[host]}{path}"

    def settle(self) -> None:
        """End what time has ended: clusters in creation, deletions, containers that died."""
        self.deployments.notice_dead()
        for operation in tuple(self.world.operations.values()):
            if operation.ended or time.time() < operation.due:
                continue
            if operation.subject.startswith("computes/"):
                self._settle_compute(operation)
            elif operation.kind == "Delete":
                self._settle_deletion(operation)

    def _settle_deletion(self, operation: Operation) -> None:
        end(operation, "Succeeded")
        service = self.world.services.get(operation.subject.partition("/")[2])
        if service is not None and service.operation == operation.id:
            self.deployments.remove(service)
        self.changed()

    def _settle_compute(self, operation: Operation) -> None:
        failure = operation.failure
        end(operation, "Failed" if failure else "Succeeded", failure.error if failure else None)
        name = operation.subject.partition("/")[2]
        compute = self.world.computes.get(name)
        if compute is not None and compute.operation == operation.id:
            compute.modified = now()
            if failure:
                compute.state, compute.errors = "Failed", [{"error": failure.error}]
            elif operation.kind == "delete":
                del self.world.computes[name]
            else:
                compute.state = "Succeeded"
        self.changed()


def end(operation: Operation, state: str, error: dict[str, Any] | None = None) -> None:
    """Bring an operation to its end."""
    operation.state, operation.error, operation.ended = state, error, now()


def token(audience: str) -> str:
    """An unsigned JWT, as much of one as the SDK looks at: it reads the expiry and the tenant, never the signature."""
    issued = int(time.time())
    claims = {
        "aud": audience,
        "tid": TENANT,
        "oid": CLIENT_ID,
        "appid": CLIENT_ID,
        "iat": issued,
        "nbf": issued,
        "exp": issued + 86400,
    }
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
