"""The rules as data: complete, filled without a gap, and unable to run long."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from scorewright.diagnosis import Evidence, Rule, diagnose, rules
from scorewright.diagnosis.rules import RANKS
from scorewright.explain import codes, page
from scorewright_runtime import gpu

OPTIONAL = re.compile(r"\(\?:((?:[^()]|\((?!\?:)[^()]*\))*)\)\?")
"""A group that may be absent, with the named groups in it."""

each_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)


def names(template: str) -> set[str]:
    """The placeholders of a template."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_every_page_of_the_range_is_a_rule_and_the_other_way_round() -> None:
    assert [rule.code for rule in rules()] == [code for code in codes() if code.startswith("SW22")]


@each_rule
def test_a_rule_has_the_title_of_its_page(rule: Rule) -> None:
    assert page(rule.code).title == rule.title


@each_rule
def test_a_rule_says_what_to_do_and_where_it_is_from(rule: Rule) -> None:
    assert rule.steps
    assert all(address.startswith("https://") for address in rule.see)
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", rule.as_of)
    assert rule.rank in RANKS.values()
    assert rule.see


@each_rule
def test_every_placeholder_has_a_value_whichever_pattern_matched(rule: Rule) -> None:
    used = names(rule.cause).union(*(names(step) for step in rule.steps)) - set(rule.lookups)
    used |= {lookup.of for lookup in rule.lookups.values()}
    for pattern in rule.compiled[0]:
        optional = {name for part in OPTIONAL.findall(pattern.pattern) for name in re.findall(r"\?P<(\w+)>", part)}
        assert used <= (set(pattern.groupindex) - optional) | set(rule.otherwise)


@each_rule
def test_no_pattern_repeats_without_limit(rule: Rule) -> None:
    for pattern in (*rule.patterns, *rule.also, *rule.unless):
        bare = re.sub(r"\\.|\[(?:\\.|[^\]])*\]", "x", pattern)
        assert not re.search(r"[*+]|\{\d*,\}", bare), pattern


@each_rule
def test_a_value_with_braces_is_only_text(rule: Rule) -> None:
    groups = {name: "{0.__class__}{evil}" for one in rule.compiled[0] for name in one.groupindex}
    for template in (rule.cause, *rule.steps):
        assert "<class" not in rule.filled(template, groups)


def test_every_library_that_the_runtime_looks_for_is_named_with_the_same_package() -> None:
    for libraries in gpu._LIBRARIES.values():
        for library in libraries:
            text = f"OSError: {library.soname}: cannot open shared object file: No such file or directory"
            found = diagnose([Evidence("container log", text)])
            expected = "SW2222" if "cudnn" in library.soname else "SW2221"
            assert found.code == expected
            if expected == "SW2221":
                assert library.package in found.steps[0]
