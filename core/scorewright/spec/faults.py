"""Faults of a deploy file: each a `Finding`, all of them in one `SpecError`.

SW1001  the deploy file has faults: the error that carries the others
SW1002  unknown key             SW1007  key given twice
SW1003  value not allowed       SW1008  file cannot be read
SW1004  key missing             SW1009  override cannot be applied
SW1005  not the YAML we read    SW1010  keys that do not go together
SW1006  variable not set        SW1011  variable reference malformed
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scorewright.errors import SpecError
from scorewright.findings import Finding, Level

from .origin import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from scorewright.findings import Location

    from .origin import KeyPath

UNKNOWN_KEY = "SW1002"
BAD_VALUE = "SW1003"
MISSING_KEY = "SW1004"
BAD_YAML = "SW1005"
UNSET_VARIABLE = "SW1006"
DUPLICATE_KEY = "SW1007"
NO_FILE = "SW1008"
BAD_OVERRIDE = "SW1009"
BROKEN_RULE = "SW1010"
BAD_REFERENCE = "SW1011"

LONGEST_SHOWN = 60
"""Longest piece of a user's text that a message repeats, in characters."""


@dataclass
class Faults:
    """Collects faults until the end, so that one run shows them all."""

    _noted: dict[Finding, None] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        """What was noted so far."""
        return list(self._noted)

    def add(
        self, code: str, message: str, at: Location | None, *, path: KeyPath | None = None, hint: str | None = None
    ) -> None:
        """Note a fault, once. ``message`` says what is wrong at ``path``; it does not repeat the path."""
        name = harmless(dotted(path)) if path else None
        self._noted[Finding(Level.ERROR, code, message, hint=hint, path=name, location=at)] = None

    def take(self, code: str, key: str) -> tuple[Finding, ...]:
        """Take back and return the faults of a kind at a top-level key and below it."""
        taken = tuple(f for f in self._noted if f.code == code and (f.path or "").partition(".")[0] == key)
        for finding in taken:
            del self._noted[finding]
        return taken

    def raise_any(self, files: Sequence[Path]) -> None:
        """Raise `SpecError` (SW1001) with everything noted, in the order of the files; return if there is nothing."""
        if not self._noted:
            return
        order = {file: number for number, file in enumerate(files)}

        def place(finding: Finding) -> tuple[int, int, int]:
            at = finding.location
            return (order.get(at.file, len(order)), at.line, at.column) if at else (len(order) + 1, 0, 0)

        count = "1 fault" if len(self._noted) == 1 else f"{len(self._noted)} faults"
        raise SpecError(
            "SW1001",
            f"{' + '.join(str(file) for file in files) or 'the deploy file'} has {count}",
            sorted(self.findings, key=place),
            steps=("Correct the places named above; `scorewright explain CODE` says more about each kind of fault.",),
        )


def harmless(text: str) -> str:
    """A user's text with control characters escaped, so that a terminal obeys none of them."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def printable(text: str) -> str:
    """A user's text for a message: harmless, and not too long."""
    safe = harmless(text)
    return safe if len(safe) <= LONGEST_SHOWN else f"{safe[: LONGEST_SHOWN - 1]}…"


def quoted(text: str) -> str:
    """A user's text in double quotes, safe to print."""
    return printable(json.dumps(text, ensure_ascii=False))


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that is spelt most like a word, in any case of letters; None if none is close."""
    by_spelling = {choice.casefold().replace("-", "_"): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold().replace("-", "_"), by_spelling, n=1, cutoff=0.6)
    return by_spelling[found[0]] if found else None


def listed(words: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    items = list(words)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"
