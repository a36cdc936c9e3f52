"""The azureml target does what every target must do, through the real SDK and with real containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.azureml.conftest import SUBSCRIPTION

from scorewright.testing import TargetConformance
from scorewright_azureml.target import AZUREML

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.plugins.azureml.conftest import Azure

    from scorewright.target import Target


class TestAzureML(TargetConformance):
    """The shared suite, in an emulated workspace."""

    @pytest.fixture
    def target(self, running: Callable[[], Azure]) -> Target:
        """The target, in a workspace where nothing is."""
        running()
        return AZUREML

    @pytest.fixture
    def values(self) -> Mapping[str, Any]:
        """The workspace and a cluster."""
        workspace = {"subscription_id": SUBSCRIPTION, "resource_group": "rehearsal", "name": "rehearsal"}
        return {"workspace": workspace, "cluster": {"name": "aks-gpu", "node_count": 3}}
