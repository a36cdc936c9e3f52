"""Requests and answers as uvicorn holds them, without ASGI's messages in between.

Two messages per answer, each header checked and joined anew, and a message per body cost more than a small model takes.
So a body that is here whole is taken at once, and an ordinary answer is put on the connection in one piece, with the
bookkeeping of uvicorn's own ``send``. Anything unusual goes through ASGI, as does everything where uvicorn's class is
not the one that is known here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .types import Reply

_USED = {"body", "default_headers", "disconnected", "flow", "keep_alive", "message_event", "more_body", "on_response"}
_USED |= {"response_complete", "response_started", "transport", "waiting_for_100_continue"}
try:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
except ImportError:
    _CYCLE: Any = None
else:
    _CYCLE = RequestResponseCycle if set(RequestResponseCycle.__init__.__code__.co_names) >= _USED else None

_ODD = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
"""What no header may hold; some of it comes from callers, who get their ids back."""


def cycle_of(receive: object) -> Any:
    """uvicorn's record of a request and its answer, None where it is not the one that is known here."""
    cycle = getattr(receive, "__self__", None)
    return cycle if type(cycle) is _CYCLE else None


def take(cycle: Any) -> bytes | None:
    """The body of a request, if all of it is here and the caller expects nothing before the answer."""
    if cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
        return None
    cycle.message_event.clear()  # set again when the caller leaves
    return bytes(cycle.body)


async def arrived(cycle: Any, limit: int) -> None:
    """Wait until the body of a request is here whole, or longer than the limit, or the caller has left.

    ASGI hands over each piece as it comes, and each is a copy.
    """
    while cycle.more_body and len(cycle.body) <= limit and not (cycle.disconnected or cycle.waiting_for_100_continue):
        cycle.flow.resume_reading()
        cycle.message_event.clear()
        await cycle.message_event.wait()


def put(cycle: Any, reply: Reply, added: Mapping[str, str]) -> bool:
    """Answer with 200. Returns whether it is done; if not, nothing is.

    ``added``: further headers, which differ from answer to answer.
    """
    if not cycle.keep_alive or cycle.flow.write_paused or cycle.disconnected or "connection" in added:
        return False
    if _ODD.search("".join(added.values())):
        return False
    varying = "".join([f"{name}: {value}\r\n" for name, value in added.items()])
    head = b"%b%b%bcontent-length: %d\r\n\r\n" % (
        _defaults(tuple(cycle.default_headers)),
        _lines(tuple(reply.headers.items())),
        varying.encode("latin-1"),
        len(reply.body),
    )
    cycle.response_started = True
    cycle.transport.writelines((head, reply.body))
    cycle.response_complete = True
    cycle.message_event.set()
    cycle.on_response()
    return True


@lru_cache(maxsize=4)
def _defaults(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The first line and the server's own headers, of which the date changes once a second."""
    return b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % header for header in headers)


@lru_cache(maxsize=512)
def _lines(headers: tuple[tuple[str, str], ...]) -> bytes:
    """The service's own headers, the same few again and again."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1")
