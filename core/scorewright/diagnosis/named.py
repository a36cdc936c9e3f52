"""A failure that names its own code: scorewright's runtime in the container begins the text of its errors with one."""

from __future__ import annotations

import re

from scorewright import explain

from .rules import NAMED, Rule

_RAISED = r"\b(?:StartError|GpuUnavailable): "
_MESSAGE = r"(?P<message>[^\n]{1,400}(?:\n {1,8}- [^\n]{1,400}){0,8})"
"""The line, and the list of reasons below it."""

_ERROR = re.compile(_RAISED + r"(?P<code>SW\d{4}): ")
_STEP = re.compile(r"^- (.+(?:\n  .+)*)", re.MULTILINE)


def named_rule(text: str) -> Rule | None:
    """The rule for the last error in a text that names a code with a page: its message is the cause, its page has the
    steps."""
    known = [code for code in _ERROR.findall(text) if code in explain.codes()]
    if not known:
        return None
    page = explain.page(known[-1])
    advice = page.text.partition("## What to do")[2].replace("{", "{{").replace("}", "}}")
    return Rule(
        code=page.code,
        title=page.title,
        rank=NAMED,
        patterns=(rf"{_RAISED}{page.code}: {_MESSAGE}",),
        cause="{message}",
        steps=tuple(" ".join(step.split()) for step in _STEP.findall(advice)),
        see=(),
        as_of="",
    )
