"""Fixtures of the core's tests."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Install(Protocol):
    """Makes a distribution look installed: one module with the given code, in the group ``scorewright``."""

    def __call__(self, distribution: str, code: str, *, entry: str | None = None, version: str = "1.0") -> None: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs made-up distributions into a folder that only this test has on its path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install_one(distribution: str, code: str, *, entry: str | None = None, version: str = "1.0") -> None:
        module = distribution.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        monkeypatch.delitem(sys.modules, module, raising=False)
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[scorewright]\n{entry or module} = {module}\n")
        importlib.invalidate_caches()

    return install_one
