"""The pages that explain error codes: one Markdown file per code in ``pages``.

A page begins with ``# SWnnnn: title`` and has the sections ``What it means``, ``Why it happens`` and ``What to do``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from scorewright.errors import ScorewrightError


@dataclass(frozen=True)
class Page:
    """An error code's page. ``text``: the whole page as Markdown."""

    code: str
    title: str
    text: str


@cache
def codes() -> tuple[str, ...]:
    """Every code that has a page, in order."""
    folder = resources.files(__package__) / "pages"
    return tuple(sorted(entry.name[: -len(".md")] for entry in folder.iterdir() if entry.name.endswith(".md")))


def page(code: str) -> Page:
    """The page of a code, written ``SW1001``, ``sw1001`` or ``1001``.

    Raises `ScorewrightError` (SW1905) with the nearest codes if there is none.
    """
    wanted = _full(code)
    if wanted not in codes():
        near = nearest(wanted)
        steps = [f"did you mean {' or '.join(near)}?"] if near else []
        raise ScorewrightError(
            "SW1905", f"there is no error code {code!r}", steps=[*steps, "list all: scorewright explain"]
        )
    text = (resources.files(__package__) / "pages" / f"{wanted}.md").read_text(encoding="utf-8")
    return Page(wanted, text.partition("\n")[0].partition(": ")[2], text)


def nearest(code: str) -> list[str]:
    """Up to three codes that look most like the one given."""
    import difflib

    return difflib.get_close_matches(_full(code), codes(), n=3)


def _full(code: str) -> str:
    digits = re.fullmatch(r"(?:SW)?(\d+)", code.strip(), re.IGNORECASE)
    return f"SW{digits[1]}" if digits else code
