"""Loads and outcomes as values."""

from __future__ import annotations

import json

import pytest

from scorewright.bench.load import Load, percentile


def test_a_load_travels_as_json_and_shows_no_secret() -> None:
    load = Load("http://h/score", (b"\x00\xff",), {"authorization": "Bearer secret"}, concurrency=3, rate=7.5)
    assert Load.from_dict(json.loads(json.dumps(load.to_dict()))) == load
    assert "secret" not in repr(load)


@pytest.mark.parametrize(("share", "value"), [(50, 50), (99, 99), (99.9, 100), (1, 1), (0.1, 1)])
def test_a_percentile_is_a_value_that_was_seen(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == value
    assert percentile([7.0], share) == 7.0
