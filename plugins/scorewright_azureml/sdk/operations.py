"""The operations that cross the wall, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import compute, models, services, workspace

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        workspace.workspace_get,
        compute.compute_get,
        compute.compute_create,
        compute.compute_attach,
        compute.compute_delete,
        models.model_list,
        models.model_get,
        models.model_register,
        models.model_sizes,
        models.model_download,
        models.model_delete,
        services.service_get,
        services.service_list,
        services.service_deploy,
        services.service_update,
        services.service_clear,
        services.service_operation,
        services.service_logs,
        services.build_log,
        services.service_keys,
        services.service_regenerate,
        services.service_token,
        services.service_swagger,
        services.service_delete,
    )
}
