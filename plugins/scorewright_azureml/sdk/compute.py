"""AKS clusters: found, created, attached, deleted, detached. Nothing here waits; the other side polls."""

from __future__ import annotations

from typing import Any

from .workspace import open_workspace

PURPOSES = {"fast-prod": "FastProd", "dense-prod": "DenseProd", "dev-test": "DevTest"}


def _describe(compute: Any) -> dict[str, Any]:
    serialised = compute.serialize()
    ssl = (serialised.get("properties") or {}).get("sslConfiguration") or serialised.get("sslConfiguration") or {}
    return {
        "name": compute.name,
        "type": compute.type,
        "state": compute.provisioning_state,
        "errors": compute.provisioning_errors,
        "tags": compute.tags if isinstance(compute.tags, dict) else {},
        "attached": bool(getattr(compute, "is_attached", False)),
        "resource_id": compute.cluster_resource_id,
        "vm_size": getattr(compute, "agent_vm_size", None),
        "node_count": getattr(compute, "agent_count", None),
        "purpose": getattr(compute, "cluster_purpose", None),
        "location": getattr(compute, "cluster_location", None),
        "ssl_status": ssl.get("status") if isinstance(ssl, dict) else None,
    }


def _find(workspace: Any, name: str) -> Any:
    from azureml.core.compute import ComputeTarget
    from azureml.exceptions import ComputeTargetException

    try:
        return ComputeTarget(workspace, name)
    except ComputeTargetException as error:
        if "ComputeTargetNotFound" in error.message:
            return None
        raise


def compute_get(workspace: dict[str, str], name: str) -> dict[str, Any] | None:
    """The compute as it is, None if there is none of this name."""
    compute = _find(open_workspace(**workspace), name)
    if compute is None:
        return None
    if compute.type != "AKS":
        return {"name": name, "type": compute.type, "state": compute.provisioning_state}
    return _describe(compute)


def compute_create(
    workspace: dict[str, str],
    name: str,
    settings: dict[str, Any],
    tags: dict[str, str],
) -> dict[str, Any]:
    """Ask for a cluster. ``settings``: arguments of ``AksCompute.provisioning_configuration`` and ``ssl``.

    The SDK's public call cannot set tags, and without tags nobody could tell later who made the cluster; so the
    payload is built by the SDK, given the tags, and sent by the SDK. Its version is pinned, and its support has ended.
    """
    from azureml.core.compute import AksCompute, ComputeTarget

    opened = open_workspace(**workspace)
    ssl = settings.pop("ssl", None)
    configuration = AksCompute.provisioning_configuration(**settings)
    if ssl:
        configuration.enable_ssl(**ssl)
    configuration.validate_configuration()
    payload = AksCompute._build_create_payload(configuration, opened.location, opened.subscription_id)
    payload["tags"] = tags
    return _describe(ComputeTarget._create_compute_target(opened, name, payload, AksCompute))


def compute_attach(
    workspace: dict[str, str],
    name: str,
    settings: dict[str, Any],
    tags: dict[str, str],
) -> dict[str, Any]:
    """Attach a cluster that exists. ``settings``: arguments of ``AksCompute.attach_configuration`` and ``ssl``."""
    from azureml.core.compute import AksCompute, ComputeTarget

    opened = open_workspace(**workspace)
    ssl = settings.pop("ssl", None)
    configuration = AksCompute.attach_configuration(**settings)
    if ssl:
        configuration.enable_ssl(**ssl)
    payload = AksCompute._build_attach_payload(configuration, configuration.resource_id)
    payload["tags"] = tags
    return _describe(ComputeTarget._attach(opened, name, payload, AksCompute))


def compute_delete(workspace: dict[str, str], name: str, detach: bool) -> None:
    """Ask for the cluster to be deleted, or detached; nothing if it is gone already."""
    compute = _find(open_workspace(**workspace), name)
    if compute is not None:
        compute.detach() if detach else compute.delete()
