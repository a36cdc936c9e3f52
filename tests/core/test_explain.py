"""The pages of error codes: loading, and that codes and pages belong together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scorewright.errors import ScorewrightError
from scorewright.explain import codes, page

ROOT = Path(__file__).parents[2]
SOURCES = ("core", "plugins", "templates")
SUFFIXES = {".py", ".jinja", ".toml"}
SECTIONS = ("What it means", "Why it happens", "What to do")


def codes_in_sources() -> set[str]:
    """Every error code that stands in a source file."""
    files = [path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    return {code for path in files for code in re.findall(r"SW\d{4}", path.read_text())}


def test_every_code_in_the_sources_has_a_page() -> None:
    assert codes_in_sources() - set(codes()) == set()


def test_every_page_is_of_a_code_in_the_sources() -> None:
    assert set(codes()) - codes_in_sources() == set()


@pytest.mark.parametrize("code", codes())
def test_a_page_has_a_title_and_the_three_sections(code: str) -> None:
    found = page(code)
    lines = found.text.splitlines()
    assert lines[0] == f"# {code}: {found.title}"
    assert found.title
    assert tuple(line[3:] for line in lines if line.startswith("## ")) == SECTIONS
    for section in re.split(r"^## .*$", found.text, flags=re.MULTILINE)[1:]:
        assert section.strip()


@pytest.mark.parametrize("written", ["SW1901", "sw1901", "1901", " SW1901 "])
def test_a_code_is_found_however_it_is_written(written: str) -> None:
    assert page(written).code == "SW1901"


def test_a_missing_code_gets_the_nearest_ones() -> None:
    with pytest.raises(ScorewrightError) as raised:
        page("SW19011")
    assert raised.value.code == "SW1905"
    assert "SW1901" in raised.value.steps[0]
