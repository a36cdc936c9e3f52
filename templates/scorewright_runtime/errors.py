"""What the runtime raises, and what becomes of it.

    RequestError            one request ends without the model's answer; it becomes a JSON reply
    ├── BadRequest          the caller's fault: 400, or 413 where the body as such is too large
    └── Unanswered          ours: 500, 503 or 504
    StartError              the service cannot start; `init()` fails with it
    └── GpuUnavailable      ``gpu: require`` and no GPU in use

Codes are stable; ``scorewright explain CODE`` has a page on each.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class RequestError(Exception):
    """One request ends without the model's answer.

    ``code``: stable, ``SW15nn``. ``message``: for the caller, never a traceback. ``input``: the name of the input it is
    about, None where it is about none. ``status``: of the HTTP reply. ``headers``: further ones of the reply.
    """

    status = 500

    def __init__(
        self,
        code: str,
        message: str,
        input: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.input = input
        self.status = self.status if status is None else status
        self.headers = dict(headers or {})


class BadRequest(RequestError):
    """The caller sent something that the model cannot take. A model's ``predict`` and a handler may raise it too."""

    status = 400


class Unanswered(RequestError):
    """The service could not answer: the model or the handler failed, or it took too long, or too many wait."""


class StartError(Exception):
    """The service cannot start. The text begins with the code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class GpuUnavailable(StartError):
    """The deploy file asks for a GPU and the loaded model is not on one."""


_LONGEST = 80
"""Characters of a word that are compared; what callers send may be far longer than any name."""


def nearest(word: str, words: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` where one of the words is near, else nothing."""
    found = difflib.get_close_matches(word[:_LONGEST], list(words), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""
