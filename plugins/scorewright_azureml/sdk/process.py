"""The other side of the wall: reads one request per line, calls azureml-core, writes one reply per line.

Whatever the SDK prints goes to stderr. The process ends as soon as its stdin closes, in mid-call too: whoever asked is
gone, and the next run looks at what came of it.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any

from .errors import translate
from .operations import OPERATIONS

if TYPE_CHECKING:
    from typing import TextIO


def _read(requests: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": OPERATIONS[request["operation"]](**request["arguments"])}
    except Exception as error:  # whatever the SDK raises must cross the wall as data
        return {"error": translate(error)}


def serve(replies: TextIO) -> None:
    """Answer requests from stdin until it closes."""
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    while True:
        replies.write(json.dumps(_answer(requests.get())) + "\n")
        replies.flush()


def main() -> None:
    """Keep stdout for the replies, and give the SDK stderr in its place."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(replies)


if __name__ == "__main__":
    main()
