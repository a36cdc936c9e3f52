"""What a plan says of a hash that differs."""

from __future__ import annotations

import pytest

from scorewright.bundle_parts import differing, from_text, parts, to_text

FILES = {
    "score.py": b"1",
    "conda.yml": b"2",
    "manifest.json": b"tells of the others",
    "scorewright_runtime/service.py": b"3",
    "scorewright_runtime/types.py": b"4",
}
BEFORE = parts(FILES, "0" * 64)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ""),
        ({"score.py": b"x"}, "score.py"),
        ({"manifest.json": b"x"}, ""),
        ({"scorewright_runtime/types.py": b"x"}, "scorewright_runtime"),
        ({"scorewright_runtime/new.py": b"4"}, "scorewright_runtime"),
        ({"handler.py": b"x", "conda.yml": b"x"}, "conda.yml, handler.py"),
        ({f"{letter}.py": b"x" for letter in "abcdefg"}, "a.py, b.py, c.py, d.py, e.py and 2 more"),
    ],
)
def test_the_parts_that_differ_are_named(changed: dict[str, bytes], told: str) -> None:
    assert differing(BEFORE, parts({**FILES, **changed}, "0" * 64)) == told


def test_another_model_is_a_part() -> None:
    assert differing(BEFORE, parts(FILES, "1" * 64)) == "model"


def test_nothing_is_said_where_one_side_is_not_known() -> None:
    assert differing({}, BEFORE) == differing(BEFORE, {}) == ""


def test_parts_travel_as_one_line() -> None:
    assert from_text(to_text(BEFORE)) == BEFORE
    assert len(to_text(BEFORE)) < 256
    assert from_text("") == {}
    assert to_text({"a name with blanks.py": "1", "b": "2"}) == "b=2"
