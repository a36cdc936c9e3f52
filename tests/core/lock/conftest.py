"""A package index that is a folder: wheels made on the spot, and uv told to look nowhere else."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Publish(Protocol):
    """Puts a wheel on the index. ``tag``: what it runs on."""

    def __call__(self, name: str, version: str, *needs: str, tag: str = "py3-none-any") -> None: ...


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Makes wheels, which real uv resolves without a network."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")

    def make(name: str, version: str, *needs: str, tag: str = "py3-none-any") -> None:
        module = name.replace("-", "_")
        info = f"{module}-{version}.dist-info"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {need}" for need in needs]
        with zipfile.ZipFile(folder / f"{module}-{version}-{tag}.whl", "w") as wheel:
            wheel.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
            wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            wheel.writestr(f"{info}/RECORD", "")

    return make
