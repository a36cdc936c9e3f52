"""HTTP as the generator reads it."""

from __future__ import annotations

import pytest

from scorewright.bench.wire import Address, Answer, Malformed, Reader, request_bytes

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Scorewright-Batch: 4\r\nContent-Length: 3\r\n\r\n[7]"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;name=value\r\n[7\r\n1\r\n]\r\n0\r\nTrailer: x\r\n\r\n"
)


def feed(reader: Reader, data: bytes, size: int) -> Answer | None:
    answer = None
    for start in range(0, len(data), size):
        assert answer is None, "the answer was complete too soon"
        answer = reader.feed(data[start : start + size])
    return answer


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("data", [PLAIN, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN])
def test_an_answer_may_come_in_pieces_of_any_size(data: bytes, size: int) -> None:
    answer = feed(Reader(), data, size)
    assert answer is not None
    assert (answer.status, answer.body, answer.reusable) == (200, b"[7]", True)


def test_a_header_is_found_whatever_its_case() -> None:
    answer = Reader().feed(PLAIN)
    assert answer is not None
    assert answer.header(b"x-scorewright-batch") == b"4"
    assert answer.header(b"x-scorewright-device") is None


def test_a_reader_reads_one_answer_after_the_other() -> None:
    reader = Reader()
    assert feed(reader, PLAIN, 5) is not None
    second = feed(reader, CHUNKED, 5)
    assert second is not None
    assert second.body == b"[7]"


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive", True),
        (b"HTTP/1.0 200 OK", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive", True),
    ],
)
def test_the_connection_is_kept_as_the_server_says(head: bytes, reusable: bool) -> None:
    answer = Reader().feed(head + b"\r\nContent-Length: 0\r\n\r\n")
    assert answer is not None
    assert answer.reusable is reusable


def test_a_body_without_a_length_lasts_until_the_end() -> None:
    reader = Reader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\n[7") is None
    assert reader.feed(b"]") is None
    answer = reader.end()
    assert answer is not None
    assert (answer.body, answer.reusable) == (b"[7]", False)


def test_an_answer_that_was_cut_short_is_none() -> None:
    reader = Reader()
    reader.feed(PLAIN[:-1])
    assert reader.begun
    assert reader.end() is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 abc\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000,
    ],
)
def test_what_is_not_http_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        Reader().feed(data)


def test_a_request_says_where_it_goes_and_how_long_it_is() -> None:
    address = Address.of("https://example.com/api/score?v=1")
    assert (address.host, address.port, address.tls) == ("example.com", 443, True)
    assert request_bytes(address, {"content-type": "application/json"}, b"[1]", keep_alive=False) == (
        b"POST /api/score?v=1 HTTP/1.1\r\nhost: example.com\r\ncontent-type: application/json\r\n"
        b"content-length: 3\r\nconnection: close\r\n\r\n[1]"
    )
    local = request_bytes(Address.of("http://[::1]:8080"), {}, b"", keep_alive=True)
    assert local.startswith(b"POST / HTTP/1.1\r\nhost: [::1]:8080\r\n")
