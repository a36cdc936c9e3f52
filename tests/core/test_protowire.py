"""The wire format, held against Google's own implementation and against bytes that are no message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf import descriptor_pb2  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from scorewright.protowire import WireError, parse, parse_file

if TYPE_CHECKING:
    from pathlib import Path

NAME, DEPENDENCY, MESSAGES, PUBLIC = 1, 3, 4, 10


@given(st.text(), st.lists(st.text()), st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_fields_read_as_protobuf_wrote_them(name: str, dependencies: list[str], numbers: list[int]) -> None:
    file = descriptor_pb2.FileDescriptorProto(name=name, dependency=dependencies, public_dependency=numbers)
    message = parse(file.SerializeToString())
    assert message.text(NAME) == name
    assert message.texts(DEPENDENCY) == dependencies
    assert message.signed_all(PUBLIC) == numbers


def test_messages_nest() -> None:
    file = descriptor_pb2.FileDescriptorProto()
    for name in ("one", "two"):
        file.message_type.add(name=name)
    assert [inner.text(1) for inner in parse(file.SerializeToString()).messages(MESSAGES)] == ["one", "two"]


def test_packed_numbers_read_like_unpacked_ones() -> None:
    assert parse(b"\x0a\x03\x01\x96\x01").signed_all(1) == parse(b"\x08\x01\x08\x96\x01").signed_all(1) == [1, 150]


def test_absent_fields_have_protobufs_defaults() -> None:
    message = parse(b"")
    assert (message.text(1), message.number(2), message.signed_all(3), list(message.messages(4))) == ("", 0, [], [])
    assert 1 not in message


def test_a_map_is_sorted_by_key() -> None:
    entries = b"".join(b"\x0a\x05\x0a\x01" + key + b"\x12\x00" for key in (b"b", b"a"))
    assert list(parse(entries).mapping(1)) == ["a", "b"]


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_wire_error(data: bytes) -> None:
    try:
        message = parse(data)
        for number in range(1, 20):
            message.signed_all(number)
            message.texts(number)
    except WireError:
        pass


@pytest.mark.parametrize(
    "data",
    [b"\x08", b"\x0a\x05abc", b"\x00\x01", b"\x0b\x0c", b"\x08" + b"\xff" * 11, b"\x0d\x00\x00"],
    ids=["no value", "short text", "field 0", "a group", "endless number", "short fixed32"],
)
def test_broken_messages_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        parse(data)


def test_a_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(WireError, match="UTF-8"):
        parse(b"\x0a\x01\xff").text(1)


def test_a_file_reads_like_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "message.pb"
    path.write_bytes(b"\x0a\x02hi")
    assert parse_file(path).text(1) == "hi"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pb").touch()
    with pytest.raises(WireError, match="empty"):
        parse_file(tmp_path / "empty.pb")
