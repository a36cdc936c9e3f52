"""What a probe returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from scorewright.findings import Json


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at.

    ``level``: ``ok``; ``info`` for what only some deployments need; ``warning`` for what will soon hurt; ``error`` for
    what stops every deployment. ``found``: what is there, never a secret. ``fix``: what to do, where something is.
    """

    name: str
    level: Literal["ok", "info", "warning", "error"]
    found: str
    fix: str | None = None

    def to_dict(self) -> dict[str, Json]:
        """The diagnosis as plain data."""
        return asdict(self)
