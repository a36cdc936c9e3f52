"""gunicorn's logger without the line for each request, which costs the stock lane as much as a small model.

Apart from `stock`, since gunicorn's first process loads it, too, and must not hold numpy for that.
"""

from __future__ import annotations

from typing import Any

from gunicorn import glogging  # type: ignore[import-untyped]

from .limits import access_log_wanted


class Logger(glogging.Logger):  # type: ignore[misc]
    """Does not even put together what a line would say."""

    def __init__(self, cfg: Any) -> None:
        super().__init__(cfg)
        self._lines = access_log_wanted()

    def access(self, *details: Any) -> None:
        """See gunicorn."""
        if self._lines:
            super().access(*details)
