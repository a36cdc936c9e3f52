"""The target ``local``: runs services on this machine, in the scoring server that Azure ML runs.

Reading order: ``target.py``, ``deploy.py``, ``layout.py``, ``environment.py``, ``service.py``, then ``front/``: the
process that outlives the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.hookspecs import hookimpl

if TYPE_CHECKING:
    from scorewright.target import Target


@hookimpl
def scorewright_targets() -> tuple[Target, ...]:
    """The one target of this plugin."""
    from .target import LOCAL

    return (LOCAL,)
