"""Models: registered, found again by their tags, proven to have arrived, deleted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .workspace import open_workspace


def _describe(model: Any) -> dict[str, Any]:
    return {"id": model.id, "name": model.name, "version": model.version, "tags": dict(model.tags or {})}


def model_list(workspace: dict[str, str], tags: dict[str, str | None], name: str | None = None) -> list[dict[str, Any]]:
    """All models that carry all these tags, whatever the value where it is None; only those of ``name`` if given."""
    from azureml.core import Model

    terms = [key if value is None else [key, value] for key, value in tags.items()]
    return [_describe(model) for model in Model.list(open_workspace(**workspace), name=name, tags=terms)]


def model_get(workspace: dict[str, str], name: str, version: int | None) -> dict[str, Any] | None:
    """A registered model, the newest without ``version``; None if there is none."""
    from azureml.core import Model
    from azureml.exceptions import WebserviceException

    try:
        return _describe(Model(open_workspace(**workspace), name=name, version=version))
    except WebserviceException as error:
        if "ModelNotFound" in error.message:
            return None
        raise


def model_register(
    workspace: dict[str, str], path: str, name: str, tags: dict[str, str], framework: str | None
) -> dict[str, Any]:
    """Upload and register. ``path``: absolute. The SDK takes only paths below the current folder, so we go there."""
    from azureml.core import Model

    back = Path.cwd()
    os.chdir(Path(path).parent)
    try:
        model = Model.register(
            open_workspace(**workspace), model_path=path, model_name=name, tags=tags, model_framework=framework
        )
    finally:
        os.chdir(back)
    return _describe(model)


def model_sizes(workspace: dict[str, str], model: str) -> list[int]:
    """The sizes of a registered model's files, ascending; -1 for one that did not arrive. ``model``: ``name:version``.
    The SDK's upload queue can take a failed upload for a good one."""
    import requests
    from azureml.core import Model

    sizes = []
    for url in Model(open_workspace(**workspace), id=model).get_sas_urls().values():
        answer = requests.head(url, timeout=60)
        sizes.append(int(answer.headers.get("Content-Length", -1)) if answer.ok else -1)
    return sorted(sizes)


def model_download(workspace: dict[str, str], model: str, folder: str) -> str:
    """Download a registered folder, ``model`` being ``name:version``, below ``folder``, and say where it is."""
    from azureml.core import Model

    return str(Model(open_workspace(**workspace), id=model).download(target_dir=folder, exist_ok=True))


def model_delete(workspace: dict[str, str], name: str, version: int) -> None:
    """Delete one version; nothing if it is gone already."""
    from azureml.core import Model
    from azureml.exceptions import WebserviceException

    try:
        Model(open_workspace(**workspace), name=name, version=version).delete()
    except WebserviceException as error:
        if "ModelNotFound" not in error.message:
            raise
