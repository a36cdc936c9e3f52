"""HTTP/1.1 as a load generator needs it: requests ready as bytes, answers read with as little work as is correct."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD_LIMIT = 64 * 1024
_NO_BODY = (b"204", b"304")


class Malformed(Exception):
    """What came back is not HTTP."""


class Answer(NamedTuple):
    """An answer. ``head``: status line and headers in small letters, each line begun by a line break. ``reusable``: the
    connection takes another request."""

    status: int
    head: bytes
    body: bytes
    reusable: bool

    def header(self, name: bytes) -> bytes | None:
        """A header's value in small letters; ``name`` likewise."""
        return _header(self.head, name)


class Reader:
    """Reads the answers of one connection, one after the other."""

    __slots__ = ("_data", "_needed")

    def __init__(self) -> None:
        self._data = b""
        self._needed = 0

    @property
    def begun(self) -> bool:
        """Whether part of an answer is here."""
        return bool(self._data)

    def feed(self, data: bytes) -> Answer | None:
        """The answer that ``data`` completes, if it does. Raises `Malformed`."""
        if self._data:
            data = self._data + data
        answer = None if len(data) < self._needed else self._parse(data, ended=False)
        self._data = b"" if answer is not None else data
        return answer

    def end(self) -> Answer | None:
        """The answer that the connection's end completes, if it does."""
        data, self._data = self._data, b""
        try:
            return self._parse(data, ended=True) if data else None
        except Malformed:
            return None

    def _parse(self, data: bytes, *, ended: bool) -> Answer | None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > _HEAD_LIMIT or not data.startswith(b"HTTP/1."[: len(data)]):
                raise Malformed
            return None
        head = data[: end + 2].lower()
        if not head.startswith(b"http/1."):
            raise Malformed
        status = head[9:12]
        if status.startswith(b"1"):  # an interim answer; the real one follows
            self._needed = 0
            return self._parse(data[end + 4 :], ended=ended) if len(data) > end + 4 else None
        body = self._body(data, head, end + 4, ended=ended, empty=status in _NO_BODY)
        if body is None:
            return None
        self._needed = 0
        return Answer(_number(status), head, body, not ended and _kept(head))

    def _body(self, data: bytes, head: bytes, start: int, *, ended: bool, empty: bool) -> bytes | None:
        """The body if it is all here."""
        if empty:
            return b""
        encoding = _header(head, b"transfer-encoding")
        if encoding is not None and b"chunked" in encoding:
            return _chunks(data, start)
        length = _header(head, b"content-length")
        if length is None:
            return data[start:] if ended else None
        stop = start + _number(length)
        if len(data) < stop:
            self._needed = stop
            return None
        return data[start:stop]


def _header(head: bytes, name: bytes) -> bytes | None:
    at = head.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    start = at + len(name) + 3
    return head[start : head.find(b"\r\n", start)].strip()


def _kept(head: bytes) -> bool:
    said = _header(head, b"connection")
    if head.startswith(b"http/1.0"):
        return said == b"keep-alive"
    return said is None or b"close" not in said


def _chunks(data: bytes, start: int) -> bytes | None:
    """The body in chunks that begins at ``start``; None if its end is not here."""
    pieces: list[bytes] = []
    while (line := data.find(b"\r\n", start)) >= 0:
        try:
            size = int(data[start:line].split(b";")[0], 16)
        except ValueError:
            raise Malformed from None
        if size == 0:  # trailers may follow; an empty line ends them
            return b"".join(pieces) if data.find(b"\r\n\r\n", line) >= 0 else None
        start = line + 2 + size + 2
        if len(data) < start:
            return None
        pieces.append(data[line + 2 : start - 2])
    return None


def _number(text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        raise Malformed from None


class Address(NamedTuple):
    """Where to connect, and what to ask for there. ``unix``: a socket's path instead of host and port."""

    host: str
    port: int
    target: str
    tls: bool
    unix: str | None = None

    @classmethod
    def of(cls, uri: str, unix: str | None = None) -> Address:
        """The address of a URI."""
        parts = urlsplit(uri)
        tls = parts.scheme == "https"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname or "localhost", parts.port or (443 if tls else 80), target, tls, unix)


def request_bytes(address: Address, headers: Mapping[str, str], body: bytes, *, keep_alive: bool) -> bytes:
    """A whole POST request."""
    default = 443 if address.tls else 80
    host = f"[{address.host}]" if ":" in address.host else address.host
    lines = [
        f"POST {address.target} HTTP/1.1",
        f"host: {host}" if address.port == default else f"host: {host}:{address.port}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"content-length: {len(body)}",
        "connection: keep-alive" if keep_alive else "connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
