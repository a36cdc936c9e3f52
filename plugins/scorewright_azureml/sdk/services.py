"""AKS web services: deployed, updated, looked at, deleted. Nothing here waits; the other side polls."""

from __future__ import annotations

from typing import Any

from .workspace import open_workspace


def _describe(service: Any) -> dict[str, Any]:
    scaler, needs, probe = (
        service.autoscaler,
        service.container_resource_requirements,
        service.liveness_probe_requirements,
    )
    return {
        "name": service.name,
        "state": service.state,
        "error": service.error,
        "tags": dict(service.tags or {}),
        "scoring_uri": service.scoring_uri,
        "swagger_uri": service.swagger_uri,
        "compute": service.compute_name,
        "namespace": service.namespace,
        "description": service.description,
        "models": [model.id for model in service.models or ()],
        "environment": service.environment.name if service.environment else None,
        "replicas": service.num_replicas,
        "autoscale": scaler
        and {
            "enabled": scaler.autoscale_enabled,
            "min": scaler.min_replicas,
            "max": scaler.max_replicas,
            "refresh_seconds": scaler.refresh_period_seconds,
            "target_utilization": scaler.target_utilization,
        },
        "resources": needs
        and {
            "cpu": needs.cpu,
            "cpu_limit": needs.cpu_limit,
            "memory_gb": needs.memory_in_gb,
            "memory_gb_limit": needs.memory_in_gb_limit,
            "gpus": needs.gpu,
        },
        "probes": probe
        and {
            "initial_delay_seconds": probe.initial_delay_seconds,
            "period_seconds": probe.period_seconds,
            "timeout_seconds": probe.timeout_seconds,
            "success": probe.success_threshold,
            "failure": probe.failure_threshold,
        },
        "auth_enabled": service.auth_enabled,
        "token_auth_enabled": service.token_auth_enabled,
        "app_insights": service.enable_app_insights,
        "timeout_ms": service.scoring_timeout_ms,
        "max_concurrent_requests": service.max_concurrent_requests_per_container,
        "max_queue_wait_ms": service.max_request_wait_time,
        "collect_model_data": bool(service.data_collection and service.data_collection.storage_enabled),
        "operation": service._operation_endpoint,
    }


def _find(workspace: Any, name: str) -> Any:
    from azureml.core.webservice import Webservice
    from azureml.exceptions import WebserviceException

    try:
        return Webservice(workspace, name=name)
    except WebserviceException as error:
        if "WebserviceNotFound" in error.message:
            return None
        raise


def service_get(workspace: dict[str, str], name: str) -> dict[str, Any] | None:
    """The service as it is, None if there is none of this name."""
    service = _find(open_workspace(**workspace), name)
    if service is None:
        return None
    if service.compute_type != "AKS":
        return {"name": name, "compute_type": service.compute_type, "state": service.state, "tags": service.tags or {}}
    return _describe(service)


def service_list(workspace: dict[str, str]) -> list[dict[str, Any]]:
    """All AKS services of the workspace, one request for all of them."""
    from azureml.core.webservice import Webservice

    return [_describe(service) for service in Webservice.list(open_workspace(**workspace), compute_type="AKS")]


def _environment(definition: dict[str, Any]) -> Any:
    """A fresh Environment: the SDK writes into the one it is given."""
    from azureml.core import Environment

    environment = Environment.from_conda_specification(definition["name"], definition["conda_file"])
    environment.docker.base_image = definition["image"]
    environment.environment_variables = dict(definition["variables"])
    environment.inferencing_stack_version = None
    return environment


def _inference(service: str, inference: dict[str, Any]) -> Any:
    """The InferenceConfig: a clean folder, its entry script, an environment; or the tutorial's legacy form."""
    from azureml.core.model import InferenceConfig

    if "legacy_conda_file" in inference:
        return _legacy(service, inference)
    return InferenceConfig(
        entry_script="score.py",
        source_directory=inference["folder"],
        environment=_environment(inference["environment"]),
    )


def _legacy(service: str, inference: dict[str, Any]) -> Any:
    """The tutorial's InferenceConfig, turned into an environment as ``Model.deploy`` would, but with our variables:
    the legacy form has none, and the SDK puts an example's in their place."""
    from azureml._model_management._util import convert_parts_to_environment
    from azureml.core.model import InferenceConfig

    configuration = InferenceConfig(
        runtime="python",
        source_directory=inference["folder"],
        entry_script="score.py",
        conda_file=inference["legacy_conda_file"],
        enable_gpu=inference["enable_gpu"],
    )
    converted, _ = convert_parts_to_environment(service, configuration)
    converted.environment.environment_variables = dict(inference["variables"])
    return converted


def _models(workspace: Any, ids: list[str]) -> list[Any]:
    from azureml.core import Model

    return [Model(workspace, id=model) for model in ids]


def service_deploy(
    workspace: dict[str, str],
    name: str,
    models: list[str],
    inference: dict[str, Any],
    settings: dict[str, Any],
    compute: str,
) -> dict[str, Any]:
    """Ask for a new service. ``settings``: arguments of ``AksWebservice.deploy_configuration``."""
    from azureml.core import Model
    from azureml.core.compute import AksCompute
    from azureml.core.webservice import AksWebservice

    opened = open_workspace(**workspace)
    service = Model.deploy(
        opened,
        name,
        _models(opened, models),
        inference_config=_inference(name, inference),
        deployment_config=AksWebservice.deploy_configuration(**settings),
        deployment_target=AksCompute(opened, compute),
    )
    return _describe(service)


def service_update(
    workspace: dict[str, str],
    name: str,
    settings: dict[str, Any],
    models: list[str] | None = None,
    inference: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Ask for a change in place. ``settings``: arguments of ``AksWebservice.update``, only those that change."""
    opened = open_workspace(**workspace)
    service = _find(opened, name)
    if inference is not None:
        settings = {
            **settings,
            "models": _models(opened, models or []),
            "inference_config": _inference(name, inference),
        }
    service.update(**settings)
    return _describe(service)


def service_clear(workspace: dict[str, str], name: str, values: dict[str, Any]) -> None:
    """Set properties by their path in the service's own document (``/containerResourceRequirements/gpu``).

    ``AksWebservice.update`` leaves out every argument that is zero, empty or None, so it can take nothing back.
    """
    from azureml._base_sdk_common.common import get_http_exception_response_string
    from azureml._restclient.clientbase import ClientBase
    from azureml.core.webservice.webservice import get_requests_session
    from azureml.exceptions import WebserviceException

    service = _find(open_workspace(**workspace), name)
    headers = {"Content-Type": "application/json-patch+json", **service._auth.get_authentication_header()}
    patch = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    answer = ClientBase._execute_func(
        get_requests_session().patch, service._mms_endpoint, headers=headers, json=patch, timeout=120
    )
    if not answer.ok:
        raise WebserviceException(get_http_exception_response_string(answer))


def service_operation(workspace: dict[str, str], name: str, location: str) -> dict[str, Any]:
    """How far a deployment is: ``state``, ``error``, ``stage`` (BuildImage, DeployService), ``log`` (a URL or None)."""
    service = _find(open_workspace(**workspace), name)
    if service is None:
        return {"state": "Failed", "error": {"message": f"service {name} is gone"}, "stage": None, "log": None}
    service._operation_endpoint = location
    state, error, content = service._get_operation_state()
    return {
        "state": state,
        "error": error,
        "stage": (content.get("operationDetails") or {}).get("subOperationType"),
        "log": content.get("operationLog"),
    }


def build_log(workspace: dict[str, str], location: str) -> str:
    """What the image build has written so far. ``location``: the ``log`` of an operation; its address opens it."""
    import requests

    answer = requests.get(location, timeout=60)
    return answer.text if answer.ok else ""


def service_logs(workspace: dict[str, str], name: str, lines: int = 5000) -> str:
    """The container's log; empty if there is none yet."""
    service = _find(open_workspace(**workspace), name)
    return (service.get_logs(num_lines=lines) or "") if service is not None else ""


def service_keys(workspace: dict[str, str], name: str) -> list[str]:
    """Primary and secondary key."""
    primary, secondary = _find(open_workspace(**workspace), name).get_keys()
    return [primary, secondary]


def service_regenerate(workspace: dict[str, str], name: str, key: str) -> list[str]:
    """Make the ``Primary`` or ``Secondary`` key anew and give both. The SDK takes at least five seconds for it."""
    service = _find(open_workspace(**workspace), name)
    service.regen_key(key)
    return service_keys(workspace, name)


def service_token(workspace: dict[str, str], name: str) -> dict[str, Any]:
    """An access token: ``token``, ``refresh_after`` and ``expires`` as ISO times."""
    token = _find(open_workspace(**workspace), name).get_access_token()
    return {
        "token": token.access_token,
        "refresh_after": str(token.refresh_after),
        "expires": str(token.expiry_on),
    }


def service_swagger(workspace: dict[str, str], name: str) -> str:
    """Where the service describes itself."""
    return str(_find(open_workspace(**workspace), name).swagger_uri)


def service_delete(workspace: dict[str, str], name: str) -> None:
    """Delete the service and wait until the operation is over; nothing if it is gone already."""
    service = _find(open_workspace(**workspace), name)
    if service is not None:
        service.delete()
