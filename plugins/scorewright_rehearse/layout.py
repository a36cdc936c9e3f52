"""A container's files and variables, exactly where the real service puts them.

Below the root: the source folder unpacked, the driver program, and ``azureml-models/NAME/VERSION/…``.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .blobs import below

if TYPE_CHECKING:
    from .plane import Plane
    from .world import JsonObject, Model

MODELS = "azureml-models"
ARTIFACT = "aml://artifact/"


class LayoutError(Exception):
    """What was uploaded cannot be laid out."""


@dataclass(frozen=True)
class Layout:
    """What to put where. ``files``: source file and place below the root. ``archives``: unpacked into the root.
    ``entry_script``: below the root. ``model_dir``: below the root, None without models. ``variables``: of the
    process."""

    files: tuple[tuple[Path, PurePosixPath], ...]
    archives: tuple[Path, ...]
    entry_script: str
    model_dir: str | None
    variables: dict[str, str]

    def build(self, root: Path) -> None:
        """Write it all below ``root``. Raises `LayoutError` for an archive that cannot be unpacked."""
        root.mkdir(parents=True)
        for source, place in self.files:
            target = root / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        for archive in self.archives:
            try:
                with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as file:
                    file.extractall(root, filter="data")
            except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
                raise LayoutError(f"cannot unpack the source: {error}") from None


def plan(plane: Plane, settings: JsonObject) -> Layout:
    """The layout that a service's settings ask for."""
    request = settings["environmentImageRequest"]
    files: list[tuple[Path, PurePosixPath]] = []
    archives: list[Path] = []
    for asset in request.get("assets", []):
        blob = plane.world.blobs.get(str(asset["url"]).removeprefix(ARTIFACT))
        if blob is None:
            continue  # an upload that was lost: the container will miss the file, as the real one does
        if asset.get("unpack"):
            archives.append(plane.blobs.file(blob.content))
        else:
            files.append((plane.blobs.file(blob.content), PurePosixPath(asset["id"])))
    models = [model for id in request.get("modelIds", []) if (model := plane.world.model(id))]
    for model in models:
        files += _model_files(plane, model)
    variables = {key: str(value) for key, value in (request["environment"].get("environmentVariables") or {}).items()}
    return Layout(
        files=tuple(files),
        archives=tuple(archives),
        entry_script=variables.get("AZUREML_ENTRY_SCRIPT") or str(request.get("driverProgram")),
        model_dir=_model_dir(models),
        variables=variables,
    )


def _model_dir(models: list[Model]) -> str | None:
    if len(models) == 1:
        return f"{MODELS}/{models[0].name}/{models[0].version}"
    return MODELS if models else None


def _model_files(plane: Plane, model: Model) -> list[tuple[Path, PurePosixPath]]:
    """A folder keeps its own name below the version; a file lies there by itself."""
    found = []
    for artifact in plane.world.assets[model.asset].get("artifacts", []):
        prefix = PurePosixPath(artifact.get("prefix") or artifact.get("id"))
        for name, blob in below(plane, str(prefix)):
            place = PurePosixPath(name).relative_to(prefix.parent)
            found.append((plane.blobs.file(blob.content), PurePosixPath(MODELS, model.name, str(model.version), place)))
    return found
