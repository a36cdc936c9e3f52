"""Reads a service's log, rotated files included, and goes on reading as it grows."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from .front.log import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from .places import ServicePlace

POLL_SECONDS = 0.2


def read_log(place: ServicePlace, *, follow: bool) -> Iterator[str]:
    """The lines of a service's log, oldest first; with ``follow`` endless, until the service's folder is gone."""
    for number in range(KEPT, 0, -1):
        older = place.log.with_name(f"{place.log.name}.{number}")
        if older.exists():
            with older.open("rb") as file:
                yield from (_text(line) for line in file)
    while follow or place.log.exists():
        if place.log.exists():
            with place.log.open("rb") as file:
                yield from _lines(file, place, follow=follow)
        if not follow or not place.folder.exists():
            return
        if not place.log.exists():
            time.sleep(POLL_SECONDS)


def _lines(file: BinaryIO, place: ServicePlace, *, follow: bool) -> Iterator[str]:
    """The whole lines of one file; with ``follow`` until it is no longer the current one."""
    rest = b""
    while True:
        replaced = follow and _replaced(file, place)
        while line := file.readline():
            rest += line
            if rest.endswith(b"\n"):
                yield _text(rest)
                rest = b""
        if not follow or replaced:
            break
        time.sleep(POLL_SECONDS)
    if rest:
        yield _text(rest)


def _replaced(file: BinaryIO, place: ServicePlace) -> bool:
    """Whether the file was rotated away or deleted."""
    try:
        return not os.path.samestat(os.fstat(file.fileno()), place.log.stat())
    except FileNotFoundError:
        return True


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")
