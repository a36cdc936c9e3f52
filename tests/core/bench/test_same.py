"""When two answers to one request are the same."""

from __future__ import annotations

import io

import numpy as np
import pytest

from scorewright.bench.same import Expected


def npy(values: list[float]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array(values, "f4"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("first", "other", "same"),
    [
        (b"[[1.0, 2.0]]", b"[[1.0, 2.0]]", True),
        (b"[[1.0, 2.0]]", b"[[1.00001,2.0]]", True),
        (b"[[1.0, 2.0]]", b"[[1.1, 2.0]]", False),
        (b'{"outputs": {"a": [1]}}', b'{"outputs": {"b": [1]}}', False),
        (b"[1]", b"not json", False),
        (npy([1.0, 2.0]), npy([1.00001, 2.0]), True),
        (npy([1.0, 2.0]), npy([2.0, 2.0]), False),
    ],
)
def test_answers_agree_within_the_tolerance(first: bytes, other: bytes, same: bool) -> None:
    expected = Expected()
    expected.learn(first)
    assert expected.agrees(other) is same
    assert expected.agrees(first)
