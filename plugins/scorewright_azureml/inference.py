"""What azureml-core is told to build and run: a clean folder, its entry script, its environment."""

from __future__ import annotations

import contextlib
import json
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scorewright.bundle import Bundle
    from scorewright.findings import Json


@contextlib.contextmanager
def unpacked(files: Mapping[str, bytes]) -> Iterator[Path]:
    """The files in a folder of their own: the SDK packs everything it finds beside the script."""
    with tempfile.TemporaryDirectory(prefix="scorewright-source-") as parent:
        folder = Path(parent) / "bundle"
        for name, content in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        yield folder


def pack(files: Mapping[str, bytes], archive: Path) -> Path:
    """The files as one archive: a file that is uploaded costs two requests, and a bundle has thirty. Not compressed, so
    that it is the same on every machine."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(files):
            target.writestr(zipfile.ZipInfo(name), files[name])
    return archive


@contextlib.contextmanager
def repacked(archive: Path) -> Iterator[Path]:
    """The files of an archive that `pack` made, in a folder of their own."""
    with (
        zipfile.ZipFile(archive) as source,
        unpacked({name: source.read(name) for name in source.namelist()}) as folder,
    ):
        yield folder


def inference(bundle: Bundle | None, folder: Path) -> dict[str, Json]:
    """The plain form of an InferenceConfig. ``bundle``: what the folder holds; None for one that was registered."""
    environment = json.loads((folder / "environment.json").read_bytes())
    manifest = json.loads((folder / "manifest.json").read_bytes())
    if bundle is not None and bundle.spec.azureml.legacy_inference_config:
        return {
            "folder": str(folder),
            "legacy_conda_file": str(folder / "conda.yml"),
            "enable_gpu": bundle.spec.gpu != "off",
            "variables": environment["variables"],
        }
    return {
        "folder": str(folder),
        "environment": {
            "name": environment_name(manifest["environment_hash"]),
            "conda_file": str(folder / "conda.yml"),
            "image": environment["image"],
            "variables": environment["variables"],
        },
    }


def environment_name(digest: str) -> str:
    """The environment's name: the same for the same content, so that Azure ML does not build it again."""
    return f"scorewright-{digest[:16]}"
