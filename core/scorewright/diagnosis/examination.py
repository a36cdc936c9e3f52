"""Rules against texts: which one fits best, and which lines tell it."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .named import named_rule
from .records import Diagnosis
from .redaction import redact
from .rules import rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .records import Evidence
    from .rules import Rule

HEAD, TAIL = 50_000, 150_000
"""Characters read of each text: its beginning and its end. A log ends with what went wrong."""

LINE = 300
"""Characters quoted of a line."""

LINES = 6
"""Lines quoted."""

_COLOUR = re.compile(r"\x1b\[[0-9;]{0,16}[A-Za-z]")
_ESCAPED_LINE = re.compile(r"\\{1,4}r?\\{0,4}n")
_ESCAPED_QUOTE = re.compile(r"\\{1,4}([\"'])")
_STAMP = re.compile(r"^\[?\d{4}[-/]\d\d[-/]\d\d[T ][\d:.,]{4,24}(?:[Z+-][\d:]{0,6})?\]?\s{0,4}")
_EXCEPTION = re.compile(r"\b[A-Za-z_][\w.]{0,80}(?:Error|Exception|Interrupt|Exit|Fault)\b(?::|$)")
_TROUBLE = re.compile(
    r"(?i)\b(?:errors?|failed|failure|fatal|critical|denied|refused|killed|aborted|cannot|could not)\b"
)


@dataclass(frozen=True)
class _Match:
    """A rule that fits a text: where it was seen last, and what its groups caught."""

    rule: Rule
    evidence: Evidence
    text: str
    order: tuple[int, int, int]
    spans: tuple[tuple[int, int], ...]
    groups: Mapping[str, str]


def diagnose(evidence: Sequence[Evidence]) -> Diagnosis:
    """The cause that the texts tell, or an unknown one with their most telling lines.

    Of several causes the most exact is told; of equals the one in the later text, and in one text the later one: give
    the outermost report first and the innermost log last. Never raises, whatever the texts hold.
    """
    texts = [_readable(one.text) for one in evidence]
    matches = [
        match
        for number, (one, text) in enumerate(zip(evidence, texts, strict=True))
        for rule in _rules_for(text)
        if (match := _match(rule, one, text, number)) is not None
    ]
    if not matches:
        return _unknown(evidence, texts)
    best = max(matches, key=lambda match: match.order)
    rule, groups = best.rule, best.groups
    return Diagnosis(
        rule.code,
        rule.title,
        rule.filled(rule.cause, groups),
        tuple(rule.filled(step, groups) for step in rule.steps),
        _quote(_lines_of(best.text, best.spans)),
        best.evidence.source,
        rule.see,
    )


def _rules_for(text: str) -> Iterable[Rule]:
    named = named_rule(text)
    return rules() if named is None else (*rules(), named)


def _readable(text: str) -> str:
    """The ends of a text, without secrets and colours, and with JSON's escaped lines and quotes as what they mean."""
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]}\n{text[-TAIL:]}"
    return redact(_ESCAPED_QUOTE.sub(r"\1", _ESCAPED_LINE.sub("\n", _COLOUR.sub("", text))))


def _match(rule: Rule, evidence: Evidence, text: str, number: int) -> _Match | None:
    if rule.sources and evidence.source not in rule.sources:
        return None
    patterns, also, unless = rule.compiled
    found = next((last for pattern in patterns if (last := _last(pattern, text)) is not None), None)
    if found is None or any(pattern.search(text) for pattern in unless):
        return None
    others = [_last(pattern, text) for pattern in also]
    seen = [found, *(one for one in others if one is not None)]
    if len(seen) <= len(others):
        return None
    groups = {name: value for one in seen for name, value in one.groupdict().items() if value}
    order = (rule.rank, number, found.start())
    return _Match(rule, evidence, text, order, tuple(one.span() for one in seen), groups)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = deque(pattern.finditer(text), maxlen=1)
    return found[0] if found else None


def _lines_of(text: str, spans: Iterable[tuple[int, int]]) -> list[str]:
    """The whole lines that matches stand in; a long line is cut around its match."""
    lines = []
    for start, end in sorted(spans):
        first = text.rfind("\n", 0, start) + 1
        stop = text.find("\n", end)
        last = len(text) if stop < 0 else stop
        if last - first > LINE and end - start <= LINE:
            margin = (LINE - (end - start)) // 2 - 1
            first, last = max(first, start - margin), min(last, end + margin)
            lines.append(f"…{text[first:last].strip()}…")
        else:
            lines += text[first:last].splitlines()
    return lines


def _quote(lines: Iterable[str]) -> tuple[str, ...]:
    """At most `LINES` different lines, trimmed; what is cut off is marked."""
    stripped = dict.fromkeys(_STAMP.sub("", line.strip()).strip() for line in lines)
    kept = [line for line in stripped if line][:LINES]
    return tuple(line if len(line) <= LINE else f"{line[: LINE - 1]}…" for line in kept)


def _unknown(evidence: Sequence[Evidence], texts: Sequence[str]) -> Diagnosis:
    """Nothing is guessed: the last exceptions and the last lines of trouble, of the last text with any."""
    chosen: tuple[str, ...] = ()
    source = None
    for one, text in zip(evidence, texts, strict=True):
        told = _telling(text)
        if told or not chosen:
            chosen, source = told or _quote(text.splitlines()[-3:]) or chosen, one.source
    return Diagnosis(
        None,
        "The cause is not known",
        "No rule knows these texts." if chosen else "There is no text to go by.",
        (
            "Read the quoted lines, then the whole log: `scorewright logs SERVICE`.",
            "Try the same bundle on this machine: `scorewright up -t local`.",
        ),
        chosen,
        source if chosen else None,
    )


def _telling(text: str) -> tuple[str, ...]:
    lines = [line for line in text.splitlines() if line.strip()]
    exceptions = [number for number, line in enumerate(lines) if _EXCEPTION.search(line[:LINE])][-2:]
    troubles = [number for number, line in enumerate(lines) if _TROUBLE.search(line[:LINE])][-2:]
    return _quote(lines[number] for number in sorted({*exceptions, *troubles}))
