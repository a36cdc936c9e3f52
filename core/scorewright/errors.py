"""Every error that scorewright raises on purpose.

    ScorewrightError            what failed, why, what to do next, and a stable code
    ├── SpecError               deploy.yaml is wrong: carries every fault, not just the first
    ├── CheckError              preflight refused: carries the findings
    ├── PluginError             a plugin, framework or target is missing, broken or clashes
    ├── ModelError              a model file cannot be read or lacks what we need
    └── DeploymentError         a target could not do what the plan said
        └── ApplyError          some steps of a plan failed: carries every failure

An exception outside this tree is a bug of ours and is shown with its traceback. Each code has a page:
``scorewright explain CODE``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .findings import Finding, Json


class ScorewrightError(Exception):
    """An expected failure.

    ``code``: stable, ``SW`` and four digits. ``summary``: one line, what failed. ``cause``: why, as far as known.
    ``steps``: what to do next, most likely first.
    """

    def __init__(self, code: str, summary: str, *, cause: str | None = None, steps: Sequence[str] = ()) -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.cause = cause
        self.steps = tuple(steps)

    def to_dict(self) -> dict[str, Json]:
        """The same data for ``--output json``."""
        return {"code": self.code, "summary": self.summary, "cause": self.cause, "steps": list(self.steps)}


class FindingsError(ScorewrightError):
    """A failure made of findings; all of them, so that one run shows everything."""

    def __init__(self, code: str, summary: str, findings: Sequence[Finding], *, steps: Sequence[str] = ()) -> None:
        super().__init__(code, summary, steps=steps)
        self.findings = tuple(findings)

    def __str__(self) -> str:
        """The summary and one line for each finding, for a traceback or a log."""
        lines = [self.summary]
        for finding in self.findings:
            place = f"{finding.location}: " if finding.location else ""
            key = f"{finding.path}: " if finding.path else ""
            lines.append(f"  {place}{finding.code} {key}{finding.message}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Json]:
        """The same data for ``--output json``, each finding included."""
        return {**super().to_dict(), "findings": [finding.to_dict() for finding in self.findings]}


class SpecError(FindingsError):
    """The deploy file is wrong."""


class CheckError(FindingsError):
    """A preflight check refused."""


class PluginError(ScorewrightError):
    """A plugin, a framework or a target is missing, broken or clashes."""


class ModelError(ScorewrightError):
    """A model file cannot be read, or lacks what is needed."""


class DeploymentError(ScorewrightError):
    """A target could not do what the plan said."""


class ApplyError(DeploymentError):
    """Some steps of a plan failed, or it was interrupted.

    ``failures``: by address; ``done``: addresses of the steps that were done.
    """

    def __init__(
        self,
        code: str,
        summary: str,
        failures: Mapping[str, ScorewrightError],
        done: Sequence[str],
        *,
        cause: str | None = None,
        steps: Sequence[str] = (),
    ) -> None:
        super().__init__(code, summary, cause=cause, steps=steps)
        self.failures = dict(failures)
        self.done = tuple(done)

    def to_dict(self) -> dict[str, Json]:
        """The same data for ``--output json``, each failure included."""
        failures: dict[str, Json] = {address: error.to_dict() for address, error in self.failures.items()}
        return {**super().to_dict(), "failures": failures, "done": [*self.done]}
