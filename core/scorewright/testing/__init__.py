"""For authors of plugins: suites that say whether a framework or a target does what the core relies on.

    class TestAcme(FrameworkConformance):
        @pytest.fixture
        def framework(self): return acme.FRAMEWORK
        @pytest.fixture
        def models(self, tmp_path): return [ModelCase(acme.save(tmp_path / "m.acme"), format="acme")]

`echo` is a framework without packages, for testing targets; `MemoryTarget` a target without a cloud, for testing
frameworks and the core. Needs pytest.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("scorewright.testing.frameworks", "scorewright.testing.targets")

from .deployment import Deployment  # noqa: E402 - pytest must know first what it is to rewrite
from .frameworks import FrameworkConformance, ModelCase  # noqa: E402
from .memory import MemoryTarget  # noqa: E402
from .targets import TargetConformance  # noqa: E402

__all__ = ["Deployment", "FrameworkConformance", "MemoryTarget", "ModelCase", "TargetConformance"]
