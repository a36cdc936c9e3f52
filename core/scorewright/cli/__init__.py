"""The command ``scorewright``: its verbs, what they share, and how failures are shown.

``main`` runs the command; `verbs` holds one file for each verb, loaded only when that verb runs.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command with the process's arguments and exit with its code."""
    from .entry import run

    sys.exit(run(sys.argv[1:]))
