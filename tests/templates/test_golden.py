"""Rendered bundles, byte for byte as they were looked at: three services of the example.

After a change that is meant, ``SCOREWRIGHT_UPDATE_GOLDEN=1 pytest tests/templates/test_golden.py`` writes them anew;
look at the difference before you commit it. The runtime's modules are copied as they are, and the manifest is made of
hashes, so neither is kept.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import scorewright

GOLDEN = Path(__file__).parent / "golden"
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "mnist" / "deploy.yaml"
SERVICES = ["mnist-checkpoint", "mnist-state-dict", "mnist-onnx"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_bundle_is_rendered_as_before(service: str) -> None:
    files = {
        name: data
        for name, data in scorewright.render(scorewright.load(EXAMPLE), service).files.items()
        if not name.startswith("scorewright_runtime/") and name != "manifest.json"
    }
    folder = GOLDEN / service
    if os.environ.get("SCOREWRIGHT_UPDATE_GOLDEN"):
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.golden").write_bytes(data)
    # The ending keeps linters and test collection away from them.
    kept = {str(path.relative_to(folder).with_suffix("")): path.read_bytes() for path in folder.rglob("*.golden")}
    assert files == kept
