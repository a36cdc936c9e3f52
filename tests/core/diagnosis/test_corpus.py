"""Every text of the corpus gets its code, and every rule is proven by a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from scorewright.diagnosis import Evidence, Rule, diagnose, rules

if TYPE_CHECKING:
    from tests.core.diagnosis.conftest import Case

PATTERNS = [(rule, pattern) for rule in rules() for pattern in rule.compiled[0]]


def test_a_real_failure_gets_its_code(failure: Case) -> None:
    found = diagnose([failure.evidence])
    assert found.code == failure.code, f"{failure.url}: {found.title}: {found.quote}"
    assert found.source == failure.evidence.source


def test_a_real_failure_is_quoted(failure: Case) -> None:
    found = diagnose([failure.evidence])
    assert found.quote
    assert any(failure.quote in line for line in found.quote)


def test_a_harmless_log_stays_unknown(harmless_log: Case) -> None:
    assert diagnose([harmless_log.evidence]).code is None


def test_a_harmless_log_around_a_failure_changes_nothing(failure: Case) -> None:
    before = "Starting gunicorn 19.9.0\nBooting worker with pid: 46\n"
    after = "" if failure.code == "SW2285" else "\nExit code 1 is normal. Not restarting iot-server.\n"
    found = diagnose([Evidence(failure.evidence.source, f"{before}{failure.evidence.text}{after}")])
    assert found.code == failure.code


def test_the_corpus_is_large_and_of_public_threads(corpus: list[Case]) -> None:
    assert len(corpus) >= 150
    assert len({case.url for case in corpus}) >= 100
    assert all(re.match(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+$", case.url) for case in corpus)
    assert all(len(case.evidence.text.splitlines()) <= 8 for case in corpus)


@pytest.mark.parametrize(("rule", "pattern"), PATTERNS, ids=[f"{one.code}-{n}" for n, (one, _) in enumerate(PATTERNS)])
def test_no_pattern_is_without_a_real_text(rule: Rule, pattern: re.Pattern[str], corpus: list[Case]) -> None:
    texts = [re.sub(r"\\+(['\"])", r"\1", case.evidence.text) for case in corpus if case.code == rule.code]
    assert any(pattern.search(text) for text in texts)
