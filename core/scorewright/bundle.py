"""The bundle: everything that runs in the container, as bytes, with a hash of its content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .findings import Json
    from .framework import Inspection, Resolution
    from .spec.models import ServiceSpec


@dataclass(frozen=True)
class Bundle:
    """One service, ready to run anywhere. Same inputs, same bytes.

    ``files``: every file by its name in the bundle (``score.py``, ``scorewright_runtime/service.py``, ``conda.yml``,
    ``environment.json``, ``manifest.json``). ``hash``: hex SHA-256 over the names and bytes of all files and the
    model's content; it tags the service. ``environment_hash``: over what the image is built from; it names the
    environment. ``model_path``: the file or folder to register, None for a registered model; ``model_hash``: of its
    content. ``environment``: what ``environment.json`` says (``image``, ``python``, ``variables``, ``pip``, ``conda``).
    """

    service: str
    spec: ServiceSpec
    framework: str
    format: str
    files: Mapping[str, bytes]
    hash: str
    environment_hash: str
    model_path: Path | None
    model_hash: str
    environment: Mapping[str, Json]
    manifest: Mapping[str, Json]
    inspection: Inspection
    resolution: Resolution

    def write(self, folder: str | Path) -> Path:
        """Write all files below ``folder``, which is made or must be empty or a bundle, and return it.

        Raises `ScorewrightError` (SW1601) if the folder holds something else.
        """
        raise NotImplementedError
