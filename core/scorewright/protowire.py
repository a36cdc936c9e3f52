"""Reads protocol buffers without their schema: enough to look into model files on a machine without any framework.

    model = parse_file(path)
    graph = model.message(7)
    names = [node.text(3) for node in graph.messages(1)]

Fields go by number; the caller knows what they mean. Nothing is copied until a value is asked for, so that a file of
gigabytes costs the time to hop over its large fields. The wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class WireError(ValueError):
    """The bytes are no protocol buffer, or not a whole one."""


@dataclass(frozen=True)
class Message:
    """One message: all values of all its fields. A field that is absent reads as its default, as in protobuf."""

    _numbers: dict[int, list[int]] = field(default_factory=dict, repr=False)
    _views: dict[int, list[memoryview]] = field(default_factory=dict, repr=False)

    def __contains__(self, number: int) -> bool:
        """Whether the field is present."""
        return number in self._numbers or number in self._views

    def number(self, number: int, default: int = 0) -> int:
        """An enum, bool or unsigned number; the last one counts."""
        values = self._numbers.get(number)
        return values[-1] if values else default

    def signed(self, number: int, default: int = 0) -> int:
        """An ``int32`` or ``int64``: the last one, in two's complement."""
        return _to_signed(self.number(number, default))

    def signed_all(self, number: int) -> list[int]:
        """A repeated ``int32`` or ``int64``, packed or not."""
        values = list(self._numbers.get(number, ()))
        for packed in self._views.get(number, ()):
            at = 0
            while at < len(packed):
                value, at = _varint(packed, at)
                values.append(value)
        return [_to_signed(value) for value in values]

    def view(self, number: int) -> memoryview:
        """The bytes of a field, not copied; empty if absent."""
        views = self._views.get(number)
        return views[-1] if views else memoryview(b"")

    def text(self, number: int) -> str:
        """A string; empty if absent. Raises `WireError` if it is not UTF-8."""
        return _text(self.view(number))

    def texts(self, number: int) -> list[str]:
        """A repeated string."""
        return [_text(view) for view in self._views.get(number, ())]

    def message(self, number: int) -> Message:
        """A message; an empty one if absent."""
        return parse(self.view(number))

    def messages(self, number: int) -> Iterator[Message]:
        """A repeated message."""
        return (parse(view) for view in self._views.get(number, ()))

    def mapping(self, number: int) -> dict[str, Message]:
        """A ``map`` from string to message, sorted by key: a file holds it in any order."""
        entries = {entry.text(1): entry.message(2) for entry in self.messages(number)}
        return dict(sorted(entries.items()))


def parse(data: bytes | memoryview) -> Message:
    """Split one message into its fields. Raises `WireError` if the bytes are not one whole message."""
    view = memoryview(data)
    message = Message()
    at, end = 0, len(view)
    while at < end:
        tag, at = _varint(view, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise WireError("a field has the number 0")
        if kind == _VARINT:
            value, at = _varint(view, at)
            message._numbers.setdefault(number, []).append(value)
            continue
        if kind == _BYTES:
            size, at = _varint(view, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise WireError(f"field {number} has the unknown type {kind}")
        if size > end - at:
            raise WireError(f"field {number} needs {size} bytes where {end - at} are left")
        message._views.setdefault(number, []).append(view[at : at + size])
        at += size
    return message


def parse_file(path: Path) -> Message:
    """Split a file that holds one message. Raises `WireError` for an empty or broken file, `OSError` for no file."""
    with path.open("rb") as file:
        try:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:  # an empty file cannot be mapped
            raise WireError("the file is empty") from error
    return parse(memoryview(content))


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise WireError("a number ends in the middle")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise WireError("a number is longer than 64 bits")


def _to_signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(view: memoryview) -> str:
    try:
        return bytes(view).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("a text is not UTF-8") from error
