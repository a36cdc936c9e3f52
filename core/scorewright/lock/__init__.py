"""``deploy.lock``: every package of every service's environment, pinned for the container's Python and platform.

`scorewright lock` writes it, users commit it, bundles are built from it while it is fresh. It is fresh for a service as
long as what the environment is asked to hold has not changed.
"""

from __future__ import annotations

from .inputs import Inputs, inputs_of
from .lockfile import FILE, Lock, Locked, read, write

__all__ = ["FILE", "Inputs", "Lock", "Locked", "inputs_of", "read", "write"]
