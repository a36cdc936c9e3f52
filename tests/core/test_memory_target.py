"""The target in memory passes the suite for targets, and so the suite can be passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scorewright.testing import MemoryTarget, TargetConformance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scorewright.target import Target


class TestMemoryTarget(TargetConformance):
    @pytest.fixture
    def target(self) -> Iterator[Target]:
        with MemoryTarget() as memory:
            yield memory.record

    @pytest.fixture(params=[{}, {"cluster": {"name": "gpus"}, "project": "demo"}], ids=["bare", "cluster"])
    def values(self, request: pytest.FixtureRequest) -> Mapping[str, Any]:
        values: dict[str, Any] = request.param
        return values
