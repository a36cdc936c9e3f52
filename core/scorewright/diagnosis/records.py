"""What goes into the doctor and what comes out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from scorewright.errors import DeploymentError

if TYPE_CHECKING:
    from scorewright.findings import Json

Source: TypeAlias = Literal[
    "service", "operation", "compute", "events", "build log", "container log", "answer", "client"
]
"""Who said it: the service's error, the long-running operation's, the cluster's, Kubernetes events, the image build,
the container, the answer to a scoring request, an exception on this machine."""


@dataclass(frozen=True)
class Evidence:
    """One text about a failure. ``text``: as it came; long texts are read at both ends only."""

    source: Source
    text: str


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says.

    ``code``: ``SW22`` and two digits, or None where the cause is not known. ``title``: one line. ``cause``: why.
    ``steps``: what to do, most likely first. ``quote``: the lines that tell it, trimmed, without secrets; ``source``:
    where they stand, None where there was no text. ``see``: addresses of public reports of the same cause.
    """

    code: str | None
    title: str
    cause: str
    steps: tuple[str, ...]
    quote: tuple[str, ...] = ()
    source: Source | None = None
    see: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether a rule knows the cause."""
        return self.code is not None

    def quoted(self) -> str:
        """The quote as indented lines under the name of its source; empty where there is none."""
        if not self.quote:
            return ""
        return "\n".join([f"The {self.source} says:", *(f"  {line}" for line in self.quote)])

    def error(self, summary: str, *, otherwise: str) -> DeploymentError:
        """The error to raise for a failure: with this code, or with ``otherwise`` where the cause is not known."""
        cause = "\n".join(part for part in (self.cause, self.quoted()) if part)
        return DeploymentError(self.code or otherwise, summary, cause=cause, steps=self.steps)

    def to_dict(self) -> dict[str, Json]:
        """The diagnosis as plain data."""
        return {**asdict(self), "steps": [*self.steps], "quote": [*self.quote], "see": [*self.see]}
