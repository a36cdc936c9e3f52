"""The cluster's spare GPUs, shared by the new versions that are tried at the same time."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Gpus:
    """Hands out GPUs that no replica uses, so that several candidates do not wait for the same one for ever."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = 0

    @contextlib.contextmanager
    def held(self, count: int, spare: int | None) -> Iterator[None]:
        """Hold ``count`` GPUs of ``spare`` in all (None: as many as you like), waiting until they are free."""
        with self._changed:
            self._changed.wait_for(lambda: spare is None or not self._taken or self._taken + count <= spare)
            self._taken += count
        try:
            yield
        finally:
            with self._changed:
                self._taken -= count
                self._changed.notify_all()
