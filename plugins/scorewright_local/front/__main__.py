"""Start the front of one service: ``python -m scorewright_local.front SERVICE_FOLDER SOCKET_FOLDER``.

Once it listens it writes one line of JSON to its standard output and closes it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from scorewright_local.files import take_lock
from scorewright_local.front.supervisor import Supervisor
from scorewright_local.places import ServicePlace

LOCK_SECONDS = 5.0


def main(folder: str, sockets: str) -> int:
    """Run until told to stop; returns the exit status."""
    if os.fork() > 0:
        os._exit(0)  # whoever started us waits for this process only, and is not our parent
    place = ServicePlace(Path(folder))
    try:
        # Patient, as a command that looks whether a front lives holds the lock for a moment. Never given back: the
        # kernel does that when this process is gone, and then it is.
        lock = take_lock(place.alive, seconds=LOCK_SECONDS)
    except TimeoutError:
        print("another front of this service is running", file=sys.stderr)  # noqa: T201
        return 1
    asyncio.run(Supervisor(place, Path(sockets), lock).run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
