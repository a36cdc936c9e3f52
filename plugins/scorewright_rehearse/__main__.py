"""``python -m scorewright_rehearse``: the emulator as a process of its own, which outlives its clients."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from scorewright.errors import ScorewrightError

from . import Emulator


def main() -> int:
    """Run until SIGINT or SIGTERM. Prints one JSON line: the variables to set, and the folder."""
    parser = argparse.ArgumentParser(prog="python -m scorewright_rehearse", description=__doc__)
    parser.add_argument("--state", type=Path, help="a folder to keep the world in; run again, it goes on from there")
    parser.add_argument("--port", type=int, default=0, help="the proxy's port")
    parser.add_argument("--front-port", type=int, default=0, help="the scoring front end's port")
    for name in ("subscription-id", "resource-group", "workspace", "location"):
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS)
    parser.add_argument("--stub", action="store_true", help="run no containers, answer every request the same")
    parser.add_argument("--fast", action="store_true", help="set the SDK's back-offs to zero")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[:TARGET]")
    options = vars(parser.parse_args())
    faults, fast = options.pop("fault"), options.pop("fast")
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    try:
        with Emulator(folder=options.pop("state"), **options) as azure:
            for fault in faults:
                azure.fault(fault)
            sys.stdout.write(json.dumps({"environment": azure.environment(fast=fast), "front": azure.front}) + "\n")
            sys.stdout.flush()
            over.wait()
    except ScorewrightError as error:
        sys.stderr.write(f"{error.code}: {error.summary}: {error.cause or ', '.join(error.steps)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
