"""The lock file's text is the same for the same content, and nothing but a lock file is taken for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorewright.errors import ScorewrightError
from scorewright.lock import FILE, Lock, Locked, read, write

if TYPE_CHECKING:
    from pathlib import Path

ONE = Locked("ab" * 32, "3.12", "x86_64-manylinux_2_28", ("https://example.org/whl",), ("a==1", "b==2.0"))
WORDS = st.text(min_size=1, max_size=12).filter(lambda text: not text.startswith("-") and "\n" not in text)
ENTRIES = st.builds(Locked, WORDS, WORDS, WORDS, st.lists(WORDS).map(tuple), st.lists(WORDS).map(tuple))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / FILE
    assert write(path, Lock({"mnist": ONE, "a-b": ONE}))
    assert read(path) == Lock({"mnist": ONE, "a-b": ONE})


@given(st.dictionaries(st.text(min_size=1, max_size=8), ENTRIES, max_size=3))
def test_any_content_comes_back(tmp_path_factory: pytest.TempPathFactory, services: dict[str, Locked]) -> None:
    path = tmp_path_factory.mktemp("lock") / FILE
    write(path, Lock(services))
    assert read(path).services == services


def test_the_text_does_not_depend_on_the_order(tmp_path: Path) -> None:
    assert Lock({"a": ONE, "b": ONE}).to_toml() == Lock({"b": ONE, "a": ONE}).to_toml()


def test_an_unchanged_lock_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / FILE
    write(path, Lock({"mnist": ONE}))
    before = path.stat().st_mtime_ns
    assert not write(path, Lock({"mnist": ONE}))
    assert path.stat().st_mtime_ns == before
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_no_file_is_an_empty_lock(tmp_path: Path) -> None:
    assert read(tmp_path / FILE) == Lock()


GOOD = Lock({"mnist": ONE}).to_toml()


@pytest.mark.parametrize(
    "text",
    [
        "this is no toml",
        "version = 2\n",
        "version = 1\n[services.mnist]\n",
        GOOD.replace('python = "3.12"', "python = 3.12"),
        GOOD.replace('"a==1"', "7"),
        GOOD.replace('"a==1"', '"--index-url https://evil.example.org"'),
        GOOD.replace('"a==1"', '"a==1\\n--index-url https://evil.example.org"'),
        GOOD.replace('"https://example.org/whl"', '"-e ."'),
    ],
)
def test_a_file_that_is_not_one_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ScorewrightError) as caught:
        read(tmp_path / FILE)
    assert caught.value.code == "SW1320"


def test_the_lines_for_pip_name_the_indexes_first() -> None:
    assert ONE.pip_lines() == ("--extra-index-url https://example.org/whl", "a==1", "b==2.0")
