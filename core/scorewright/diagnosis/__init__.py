"""The failure doctor: from what a service, a build and a container said to a cause and what to do.

    found = diagnose([Evidence("service", error_text), Evidence("container log", log)])
    found.code      "SW2221", or None where no rule knows the text
    found.quote     the lines that tell it, without secrets

What it knows stands in ``rules.toml`` beside this file; nothing here knows any one cause. A text that no rule matches
stays unknown: its most telling lines are quoted, and nothing is guessed.
"""

from __future__ import annotations

from .examination import diagnose
from .records import Diagnosis, Evidence, Source
from .redaction import redact
from .rules import Rule, rules

__all__ = ["Diagnosis", "Evidence", "Rule", "Source", "diagnose", "redact", "rules"]
