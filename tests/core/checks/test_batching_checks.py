"""A model that takes one number of rows only is told of, since nothing can be batched for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from scorewright.checks import CheckContext
from scorewright.checks.batching import fixed_batches
from scorewright.findings import Level
from scorewright.plugins import PluginManager
from scorewright.resolve import resolve
from scorewright.spec import load
from scorewright.testing import MemoryTarget, echo

if TYPE_CHECKING:
    from pathlib import Path

    from scorewright.findings import Finding


def found(folder: Path, shape: list[int | None], **service: Any) -> list[Finding]:  # noqa: ANN401
    """What the check says of a registered model with an input of this shape."""
    tensors = {"inputs": {"x": {"shape": shape}}, "outputs": {"y": {"shape": shape}}}
    service = {"model": {"name": "m"}, "framework": "echo", **tensors, **service}
    (folder / "deploy.yaml").write_text(json.dumps({"scorewright": 1, "services": {"mnist": service}}))
    plugins = PluginManager()
    plugins.register(echo)
    spec = load(folder / "deploy.yaml")
    context = CheckContext(spec, resolve(spec, plugins), MemoryTarget().record, plugins)
    return list(fixed_batches(context))


@pytest.mark.parametrize(("asked", "level"), [({}, Level.INFO), ({"batching": {"max_batch_size": 8}}, Level.WARNING)])
def test_a_fixed_number_of_rows_is_told(tmp_path: Path, asked: dict[str, Any], level: Level) -> None:
    (finding,) = found(tmp_path, [1, 28], **asked)
    assert (finding.code, finding.level, finding.path) == ("SW1443", level, "services.mnist.batching")
    assert finding.message == "the model of mnist takes exactly 1 row, so nothing is batched"


@pytest.mark.parametrize(("shape", "service"), [([None, 28], {}), ([28], {}), ([1, 28], {"batching": False})])
def test_nothing_is_told_where_rows_are_open_or_nothing_is_asked_of_them(
    tmp_path: Path, shape: list[int | None], service: dict[str, Any]
) -> None:
    assert found(tmp_path, shape, **service) == []
