"""Findings as SARIF 2.1.0, the form that code-hosting services show beside the lines of a change.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__
from .findings import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .findings import Finding, Json

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}


def to_sarif(findings: Sequence[Finding], *, strict: bool = False, root: Path | None = None) -> dict[str, Json]:
    """One run with a result per finding. ``root``: paths below it are written relative to it; default: the current
    folder. ``strict``: warnings count as errors."""
    base = (root or Path.cwd()).absolute()
    codes = sorted({finding.code for finding in findings})
    rules: list[Json] = [_rule(code) for code in codes]
    results: list[Json] = [_result(finding, codes.index(finding.code), base, strict) for finding in findings]
    driver: dict[str, Json] = {"name": "scorewright", "version": __version__, "rules": rules}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "originalUriBaseIds": {"ROOT": {"uri": base.as_uri() + "/"}},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _rule(code: str) -> Json:
    from .explain import codes, page

    if code not in codes():  # a plugin's own
        return {"id": code}
    found = page(code)
    body = found.text.partition("\n")[2].strip()
    return {"id": code, "shortDescription": {"text": found.title}, "help": {"text": body, "markdown": body}}


def _result(finding: Finding, rule: int, base: Path, strict: bool) -> Json:
    level = Level.ERROR if strict and finding.level is Level.WARNING else finding.level
    text = "\n".join(part for part in (finding.message, finding.hint) if part)
    result: dict[str, Json] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[level],
        "message": {"text": text},
    }
    location = _location(finding, base)
    if location:
        result["locations"] = [location]
    return result


def _location(finding: Finding, base: Path) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if finding.location is not None:
        file = finding.location.file.absolute()
        artifact: dict[str, Json] = {"uri": file.as_uri()}
        if file.is_relative_to(base):
            artifact = {"uri": file.relative_to(base).as_posix(), "uriBaseId": "ROOT"}
        physical: dict[str, Json] = {"artifactLocation": artifact}
        if finding.location.line:
            physical["region"] = {"startLine": finding.location.line, "startColumn": max(finding.location.column, 1)}
        found["physicalLocation"] = physical
    if finding.path is not None:
        found["logicalLocations"] = [{"fullyQualifiedName": finding.path, "kind": "member"}]
    return found
