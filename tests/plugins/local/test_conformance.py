"""The local target does what every target must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scorewright.testing import TargetConformance
from scorewright_local.target import LOCAL

if TYPE_CHECKING:
    from pathlib import Path

    from scorewright.target import Target


class TestLocal(TargetConformance):
    """The shared suite, in a home of its own."""

    @pytest.fixture
    def target(self, home: Path) -> Target:
        """The target, with nothing on it."""
        return LOCAL
