"""Create, keep, update, take down: on the real scoring server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugins.local.conftest import Workbench


def test_a_service_answers_after_up_and_nothing_is_left_after_down(bench: Workbench) -> None:
    live = bench.up(bench.bundle("first"))

    assert live.state == "healthy"
    answer = bench.score()
    assert (answer["value"], answer["weight"]) == ("first", 7)

    bench.down()
    assert bench.observe() == ()
    assert not bench.place().folder.exists()
    assert not bench.place().folder.parent.exists()
