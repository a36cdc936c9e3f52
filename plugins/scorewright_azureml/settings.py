"""A service of the deploy file as arguments of azureml-core, and as properties that can be compared with a live one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorewright.bundle import Bundle
    from scorewright.findings import Json
    from scorewright.spec.models import ServiceSpec, Spec

DEFAULT_QUEUE_WAIT_MS = 500
"""What the service takes where nothing is said (documented default of ``max_request_wait_time``)."""
CONCURRENT_STOCK = 1
"""Azure ML's own default of requests per replica; with it no batch ever forms."""


def concurrent_requests(service: ServiceSpec) -> int:
    """Requests that one replica takes at a time: enough to fill two batches, so that one waits while one runs."""
    if service.max_concurrent_requests is not None:
        return service.max_concurrent_requests
    return 2 * service.batching.max_batch_size if service.batching else CONCURRENT_STOCK


def gpus(service: ServiceSpec) -> int:
    """GPUs of one replica."""
    return 0 if service.gpu == "off" else service.resources.gpus


def properties(spec: Spec, bundle: Bundle) -> dict[str, Json]:
    """What is compared with the live service, field by field."""
    service = bundle.spec
    options = service.azureml
    return {
        "hash": bundle.hash,
        "proven": True,
        "candidate": None,
        "cluster": spec.cluster.name if spec.cluster else None,
        "namespace": options.namespace,
        "description": options.description,
        "replicas": None if service.autoscale else (service.replicas or 1),
        "autoscale": service.autoscale.model_dump() if service.autoscale else None,
        "resources": {
            "cpu": service.resources.cpu,
            "cpu_limit": options.cpu_limit,
            "memory_gb": service.resources.memory_gb,
            "memory_gb_limit": options.memory_limit_gb,
            "gpus": gpus(service),
        },
        "auth": service.auth,
        "timeout_ms": service.timeout_ms,
        "max_concurrent_requests": concurrent_requests(service),
        "max_queue_wait_ms": options.max_queue_wait_ms or DEFAULT_QUEUE_WAIT_MS,
        # azureml-core refuses a first delay of 0.
        "probes": service.probes.model_dump() | {"initial_delay_seconds": max(1, service.probes.initial_delay_seconds)},
        "app_insights": service.app_insights,
        "collect_model_data": options.collect_model_data,
        "blobfuse": options.blobfuse,
        "tags": dict(service.tags),
    }


def live_properties(live: Mapping[str, Any], candidate: str | None) -> dict[str, Json]:
    """The same of a service as `sdk.services` describes it."""
    found = live["tags"]
    scaler = live["autoscale"] or {}
    scaled = bool(scaler.get("enabled"))
    probes = live["probes"] or {}
    return {
        "hash": found.get(tags.HASH),
        "proven": live["state"] == "Healthy" and found.get(tags.PROVEN) == found.get(tags.HASH),
        "candidate": candidate,
        "cluster": live["compute"],
        "namespace": live["namespace"] or None,
        "description": live["description"] or None,
        "replicas": None if scaled else live["replicas"],
        "autoscale": {key: scaler[key] for key in _AUTOSCALE} if scaled else None,
        "resources": {**dict.fromkeys(_RESOURCES), **(live["resources"] or {}), "gpus": _gpus(live)},
        "auth": _auth(live),
        "timeout_ms": live["timeout_ms"],
        "max_concurrent_requests": live["max_concurrent_requests"],
        "max_queue_wait_ms": live["max_queue_wait_ms"] or DEFAULT_QUEUE_WAIT_MS,
        "probes": {key: probes.get(key) for key in _PROBES},
        "app_insights": bool(live["app_insights"]),
        "collect_model_data": live["collect_model_data"],
        "blobfuse": {"on": True, "off": False}.get(found.get(tags.BLOBFUSE, "")),
        "tags": {key: value for key, value in found.items() if not key.startswith(tags.MADE)},
    }


_AUTOSCALE = ("min", "max", "target_utilization", "refresh_seconds")
_RESOURCES = ("cpu", "cpu_limit", "memory_gb", "memory_gb_limit", "gpus")
_PROBES = ("initial_delay_seconds", "period_seconds", "timeout_seconds", "success", "failure")


def _gpus(live: Mapping[str, Any]) -> int:
    return int((live["resources"] or {}).get("gpus") or 0)


def _auth(live: Mapping[str, Any]) -> str:
    if live["token_auth_enabled"]:
        return "token"
    return "key" if live["auth_enabled"] else "none"


def arguments(wanted: Mapping[str, Any], all_tags: Mapping[str, str]) -> dict[str, Json]:
    """Properties as arguments of both ``deploy_configuration`` and ``update``."""
    resources, probes = wanted["resources"], wanted["probes"]
    return {
        **_replicas(wanted),
        "cpu_cores": resources["cpu"],
        "memory_gb": resources["memory_gb"],
        "cpu_cores_limit": resources["cpu_limit"],
        "memory_gb_limit": resources["memory_gb_limit"],
        "gpu_cores": resources["gpus"],
        "auth_enabled": wanted["auth"] == "key",
        "token_auth_enabled": wanted["auth"] == "token",
        "scoring_timeout_ms": wanted["timeout_ms"],
        "replica_max_concurrent_requests": wanted["max_concurrent_requests"],
        "max_request_wait_time": wanted["max_queue_wait_ms"],
        "initial_delay_seconds": probes["initial_delay_seconds"],
        "period_seconds": probes["period_seconds"],
        "timeout_seconds": probes["timeout_seconds"],
        "success_threshold": probes["success"],
        "failure_threshold": probes["failure"],
        "enable_app_insights": wanted["app_insights"],
        "collect_model_data": wanted["collect_model_data"],
        "description": wanted["description"],
        "namespace": wanted["namespace"],
        "tags": dict(all_tags),
    }


def _replicas(wanted: Mapping[str, Any]) -> dict[str, Json]:
    scale = wanted["autoscale"]
    if scale is None:
        return {"autoscale_enabled": False, "num_replicas": wanted["replicas"]}
    return {
        "autoscale_enabled": True,
        "autoscale_min_replicas": scale["min"],
        "autoscale_max_replicas": scale["max"],
        "autoscale_target_utilization": scale["target_utilization"],
        "autoscale_refresh_seconds": scale["refresh_seconds"],
    }


_CLEARED = {
    "/containerResourceRequirements/gpu": ("resources", "gpus"),
    "/containerResourceRequirements/cpuLimit": ("resources", "cpu_limit"),
    "/containerResourceRequirements/memoryInGBLimit": ("resources", "memory_gb_limit"),
    "/description": ("description",),
}


def cleared(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Json]:
    """What ``update`` cannot take back, because it leaves out what is zero or None: by path, with its wanted value."""
    changes: dict[str, Json] = {}
    for path, keys in _CLEARED.items():
        want, have = _at(wanted, keys), _at(found, keys)
        if not want and have:
            changes[path] = want
    return changes


def _at(values: Mapping[str, Any], keys: tuple[str, ...]) -> Any:  # noqa: ANN401 - one of several plain values
    for key in keys:
        values = values[key]
    return values
