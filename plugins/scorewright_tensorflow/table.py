"""The ``.index`` file of TensorFlow's variables: which variable lies where in which shard.

It is a sorted table in blocks, as LevelDB writes them, whose values are protocol buffers
(https://github.com/google/leveldb/blob/main/doc/table_format.md, ``tensor_bundle.proto`` in TensorFlow's sources).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scorewright.protowire import WireError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER = 48


class Entry(NamedTuple):
    """One variable. ``end``: the first byte behind it in its shard; ``size``: its own bytes."""

    name: str
    shard: int
    end: int
    size: int


def read_index(path: Path) -> list[Entry]:
    """Every variable of an index. Raises `WireError` if the file is no whole index, `OSError` if it is not there."""
    data = path.read_bytes()
    if len(data) < _FOOTER or data[-8:] != _MAGIC:
        raise WireError(f"{path.name} is no whole index of variables")
    footer = data[-_FOOTER:]
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    entries = []
    for _, handle in _block(data, *index):
        for key, value in _block(data, *_handle(handle, 0)[0]):
            if key:  # the first, without a name, describes the whole
                entry = parse(value)
                end = entry.signed(4) + entry.signed(5)
                entries.append(Entry(key.decode("utf-8", "replace"), entry.signed(3), end, entry.signed(5)))
    return entries


def _block(data: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of one block; a key says how much of the one before it begins with."""
    block = data[start : start + size]
    if len(block) < max(size, 4) or data[start + size : start + size + 1] != b"\0":
        raise WireError("a block of the index is cut off or compressed")
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + length]
        at += own + length


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    start, at = _varint(data, at)
    size, at = _varint(data, at)
    return (start, size), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    raise WireError("a number of the index ends in the middle")
