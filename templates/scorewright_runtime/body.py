"""What a body is (its media type and charset) and its bytes, within the limits and no longer compressed."""

from __future__ import annotations

import ctypes
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from .errors import BadRequest, Unanswered
from .limits import MAX_GZIP_MEMBERS

if TYPE_CHECKING:
    from .types import Bytes, Request


class MediaType(NamedTuple):
    """A ``content-type``: ``type`` in lower case, ``charset`` empty where none is named."""

    type: str
    charset: str


@lru_cache(maxsize=64)
def media_type(header: str) -> MediaType:
    """The parsed value of a ``content-type`` header."""
    kind, *parameters = header.split(";")
    charset = ""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip("\"'")
    return MediaType(kind.strip().lower(), charset)


@lru_cache(maxsize=64)
def accepted_array(header: str) -> str:
    """``npy`` or ``npz`` where an ``accept`` header prefers it to JSON, else an empty string."""
    best, best_quality = "", 0.0
    for part in header.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        names = {"application/x-npy": "npy", "application/x-npz": "npz", "application/json": "json", "*/*": "json"}
        if kind in names and quality > best_quality:
            best, best_quality = names[kind], quality
    return "" if best == "json" else best


def unpacked(request: Request, limit: int) -> Bytes:
    """The request's body as its ``content-encoding`` had it before. ``limit``: most bytes, both ways.

    Raises `BadRequest`: SW1513 for another encoding than gzip, SW1514 where it is too large, SW1511 where the gzip data
    are damaged.
    """
    if len(request.body) > limit:
        raise too_large(limit)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return request.body
    if encoding not in ("gzip", "x-gzip"):
        raise BadRequest("SW1513", f"the content-encoding {encoding[:40]!r} is not supported; use gzip or none")
    return _gunzip(request.body, limit)


_FIRST, _GROWTH = 256 * 1024, 4
"""The place that a large body gets at first, in bytes, and how many times what has come it may become."""


class Place:
    """Where the bytes of a large body go straight from the socket, so that no piece of it is copied.

    It grows with what has come: who only announces a large body costs no memory. ``come``: what is there already;
    ``length``: how many bytes there will be.
    """

    def __init__(self, come: Bytes, length: int) -> None:
        self.body = bytearray(come)
        self._have, self._length = len(self.body), length

    @property
    def begun(self) -> bytes:
        """What has come of it."""
        return bytes(memoryview(self.body)[: self._have])

    @property
    def missing(self) -> int:
        """How many bytes have not come."""
        return self._length - self._have

    def free(self) -> memoryview:
        """Where the next bytes belong."""
        if self._have == len(self.body):
            self._grow(min(self._length, max(_GROWTH * self._have, _FIRST)))
        return memoryview(self.body)[self._have :]

    def came(self, count: int) -> None:
        """So many are there."""
        self._have += count

    def _grow(self, size: int) -> None:
        """Make the place that large. Nothing is put into its new part, which nobody reads before it is filled."""
        if ctypes.pythonapi.PyByteArray_Resize(ctypes.py_object(self.body), ctypes.c_ssize_t(size)):
            raise MemoryError


_PIECE = 64 * 1024
"""Bytes of gzip data that are unpacked at a time."""


def too_large(limit: int) -> BadRequest:
    """The refusal of a body that is too large."""
    return BadRequest("SW1514", f"the body is larger than {limit} bytes; send less, or in several requests", status=413)


def never_arrived(seconds: float) -> Unanswered:
    """The refusal of a request whose body takes too long to come."""
    text = f"the body did not arrive within {seconds:g} s"
    return Unanswered("SW1532", text, status=408, headers={"connection": "close"})


def _gunzip(data: Bytes, limit: int) -> bytes:
    """The body unpacked. It may have several members, and what follows one is copied with each: hence in pieces."""
    parts: list[bytes] = []
    unzip, members, room = None, 0, limit + 1
    try:
        for start in range(0, len(data), _PIECE):
            piece: Bytes = data[start : start + _PIECE]
            while piece:
                if unzip is None:
                    unzip, members = zlib.decompressobj(wbits=31), members + 1
                parts.append(unzip.decompress(piece, room))
                room -= len(parts[-1])
                if room <= 0:
                    raise too_large(limit)
                if members > MAX_GZIP_MEMBERS:
                    raise BadRequest("SW1514", f"the gzip data have more than {MAX_GZIP_MEMBERS} members")
                piece, unzip = unzip.unused_data, None if unzip.eof else unzip
    except zlib.error as error:
        raise BadRequest("SW1511", f"the body is not valid gzip: {error}") from None
    if unzip is not None:
        raise BadRequest("SW1511", "the gzip data are truncated")
    return b"".join(parts)
