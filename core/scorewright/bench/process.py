"""Loads, each from a generator in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError

from .load import Outcome

if TYPE_CHECKING:
    from .load import Load

SPARE = 30.0
"""Seconds beyond a load's own that the generator may take."""


def put(load: Load) -> Outcome:
    """Put a load on its service and wait for what comes of it.

    Raises `DeploymentError` (SW1800) where the service does not answer the first requests as it should.
    """
    # -P: no module of the current folder's may stand in for one of ours. The load has keys in it, so it goes by pipe.
    command = [sys.executable, "-P", "-m", "scorewright.bench.generator"]
    longest = load.warmup + 3 * load.seconds + load.timeout * (1 + len(load.bodies)) + SPARE
    done = subprocess.run(
        command, input=json.dumps(load.to_dict()), capture_output=True, text=True, timeout=longest, check=False
    )
    if done.returncode != 0:
        raise DeploymentError("SW1800", "the load generator failed", cause=done.stderr[-2000:])
    told = json.loads(done.stdout.partition("\n")[2])
    if "refused" in told:
        raise DeploymentError(
            "SW1800",
            f"{load.uri} does not answer as it should, so nothing was measured",
            cause=told["refused"],
            steps=["send one request: scorewright score", "see what it wrote: scorewright logs"],
        )
    return Outcome.from_dict(told)
