"""What of an environment decides its image: whether it must be built, and whether a server would be in it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .world import JsonObject

SERVERS = ("azureml-defaults", "azureml-inference-server-http")
PREBUILT = "inference"
NO_SERVER_LOG = "ModuleNotFoundError: No module named 'azureml_inference_server_http'\n"


def image_key(environment: JsonObject) -> str:
    """The same for environments that need the same image: variables, name and version make no difference."""
    kept = {key: value for key, value in environment.items() if key not in {"environmentVariables", "name", "version"}}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def has_server(environment: JsonObject) -> bool:
    """Whether the image will have an inference server: from its packages, or from an image or a Dockerfile that is the
    user's own affair."""
    python, docker = environment.get("python") or {}, environment.get("docker") or {}
    if python.get("userManagedDependencies") or docker.get("baseDockerfile"):
        return True
    if PREBUILT in str(docker.get("baseImage", "")):
        return True
    listed = (python.get("condaDependencies") or {}).get("dependencies", [])
    packages: list[object] = []
    for entry in listed:
        packages += entry.get("pip", []) if isinstance(entry, dict) else [entry]
    return any(str(package).lower().replace("_", "-").startswith(SERVERS) for package in packages)
