"""The rules as data: ``rules.toml``, whose head explains the fields."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SYMPTOM, HINT, CAUSE, NAMED, EXACT = 10, 30, 50, 60, 70
"""Ranks. A symptom follows from any cause; a hint may be innocent; of two causes in one text the exact one is told.
What names its own code is told before a general cause, and after an exact one, which it may only wrap."""

RANKS: Mapping[str, int] = {"symptom": SYMPTOM, "hint": HINT, "cause": CAUSE, "exact": EXACT}


@dataclass(frozen=True)
class Lookup:
    """A value for the templates, found in a table by a group: the first key that the group's text matches."""

    of: str
    table: Mapping[str, str]
    otherwise: str

    def value(self, groups: Mapping[str, str]) -> str:
        """The table's value for what was matched; a key may hold ``*``."""
        text = groups.get(self.of, "")
        return next((value for key, value in self.table.items() if fnmatchcase(text, key)), self.otherwise)


@dataclass(frozen=True)
class Rule:
    """One cause: how its text is known and what is said of it.

    ``patterns``: one of them must occur; the first that does is told, where it occurs last. ``also``: each must occur
    too. ``unless``: none may. ``sources``: where it is looked for, empty for everywhere. ``otherwise``: values of
    groups that did not match.
    """

    code: str
    title: str
    rank: int
    patterns: tuple[str, ...]
    cause: str
    steps: tuple[str, ...]
    see: tuple[str, ...]
    as_of: str
    also: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    otherwise: Mapping[str, str] = field(default_factory=dict)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)

    @cached_property
    def compiled(self) -> tuple[tuple[re.Pattern[str], ...], ...]:
        """``patterns``, ``also`` and ``unless``, compiled on first use."""
        return tuple(
            tuple(re.compile(one, re.MULTILINE) for one in group) for group in (self.patterns, self.also, self.unless)
        )

    def filled(self, template: str, groups: Mapping[str, str]) -> str:
        """A template with what the patterns matched; what they did not comes from ``otherwise``."""
        values = {**self.otherwise, **groups}
        return template.format_map({**values, **{name: one.value(values) for name, one in self.lookups.items()}})


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule that ships, by code."""
    data = tomllib.loads(files(__package__).joinpath("rules.toml").read_text(encoding="utf-8"))
    return tuple(_rule(row, data["tables"], data["as_of"]) for row in data["rule"])


def _rule(row: Mapping[str, Any], tables: Mapping[str, Mapping[str, str]], as_of: str) -> Rule:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    lookups = {
        name: Lookup(one["of"], tables[one["in"]], one["otherwise"]) for name, one in row.get("lookups", {}).items()
    }
    rank = RANKS[row.get("rank", "cause")]
    return Rule(**{"as_of": as_of, **values, "rank": rank, "lookups": lookups})
