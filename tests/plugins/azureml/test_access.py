"""Services that cannot be called: said so, and never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scorewright.errors import DeploymentError

if TYPE_CHECKING:
    from tests.plugins.azureml.conftest import Azure

CALLS = ("endpoint", "keys", "regenerate_key", "rollback", "logs")


def refusal(azure: Azure, call: str) -> DeploymentError:
    """What a call about the service ends with."""
    with pytest.raises(DeploymentError) as caught:
        found = getattr(azure.run, call)(azure.spec(), "digits")
        list(found if call == "logs" else ())
    return caught.value


@pytest.mark.parametrize("call", ["endpoint", "regenerate_key"])
def test_a_service_that_has_not_come_up_has_no_address(azure: Azure, call: str) -> None:
    azure.up(azure.spec())

    def begun(world: Any) -> None:  # noqa: ANN401 - a world
        world.services["digits"].live = None

    azure.emulator.change(begun)
    assert refusal(azure, call).code == "SW2127"


@pytest.mark.parametrize("call", CALLS)
def test_a_service_that_is_not_there_is_said_so(azure: Azure, call: str) -> None:
    assert refusal(azure, call).code == ("SW2121" if call == "rollback" else "SW2122")
