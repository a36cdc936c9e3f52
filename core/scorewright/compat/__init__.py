"""Which environment serves a model on a GPU: decided from facts, in milliseconds, offline.

`resolve` answers with the packages, the Python, the base image and the variables; `decide` also says whether what was
asked for can be had, reason by reason. Both are pure: same need and same catalogue, same answer.
"""

from __future__ import annotations

from .resolver import Decision, decide, resolve
from .types import DEFAULT_SIZE, Need, Reason

__all__ = ["DEFAULT_SIZE", "Decision", "Need", "Reason", "decide", "resolve"]
