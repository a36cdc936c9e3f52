"""What is sent comes out as the same arrays, in every form; arbitrary bytes raise nothing but `BadRequest`."""

from __future__ import annotations

import gzip
import io
import json
import struct
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.runtime.support import equal, signature_of

from scorewright_runtime import Arrays, BadRequest, Request, Signature
from scorewright_runtime.limits import Limits
from scorewright_runtime.parsing import Parser

if TYPE_CHECKING:
    from collections.abc import Callable

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
DTYPES += ["float16", "float32", "float64", "string"]
KEEP_FIXTURES = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50, database=None
)


def parse(signature: Signature, body: bytes, type: str = "application/json", **headers: str) -> Arrays:
    """The inputs in a body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Parser(signature, Limits()).parse(Request("POST", {"content-type": type, **named}, body))[0]


@st.composite
def tensors(draw: st.DrawFn, finite: bool = True) -> tuple[Signature, np.ndarray]:
    """A signature of one input and an array that fits it."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=5))
    if dtype == "string":
        elements = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
        array = draw(hnp.arrays(object, shape, elements=elements))
    else:
        floats = {"allow_nan": not finite, "allow_infinity": not finite} if dtype.startswith("float") else {}
        array = draw(hnp.arrays(dtype, shape, elements=floats or None))
    return signature_of(x=(dtype, [None, *shape[1:]])), array


@KEEP_FIXTURES
@given(case=tensors())
def test_json_rows_round_trip(case: tuple[Signature, np.ndarray], parser: str) -> None:
    signature, array = case
    for document in ({"data": array.tolist()}, {"inputs": {"x": array.tolist()}}):
        assert equal(parse(signature, json.dumps(document).encode())["x"], array)
        indented = json.dumps(document, indent=1, ensure_ascii=False).encode()
        assert equal(parse(signature, indented)["x"], array)


@KEEP_FIXTURES
@given(case=tensors(finite=False))
def test_v2_binary_tensors_round_trip(case: tuple[Signature, np.ndarray]) -> None:
    signature, array = case
    data, datatype = as_binary(array)
    tensor = {"name": "x", "shape": list(array.shape), "datatype": datatype}
    head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": len(data)}}]}).encode()
    body = head + data
    result = parse(signature, body, "application/octet-stream", inference_header_content_length=str(len(head)))
    assert equal(result["x"], array)
    assert result["x"].flags.aligned
    assert result["x"].flags.c_contiguous


@KEEP_FIXTURES
@given(case=tensors())
def test_v2_json_tensors_round_trip(case: tuple[Signature, np.ndarray]) -> None:
    signature, array = case
    for data in (array.tolist(), array.ravel().tolist()):
        tensor = {"name": "x", "shape": list(array.shape), "datatype": as_binary(array)[1], "data": data}
        assert equal(parse(signature, json.dumps({"inputs": [tensor], "id": "7"}).encode())["x"], array)


@KEEP_FIXTURES
@given(case=tensors(finite=False), order=st.sampled_from("CF"), big_endian=st.booleans())
def test_npy_and_npz_round_trip(case: tuple[Signature, np.ndarray], order: str, big_endian: bool) -> None:
    signature, array = case
    sent = np.asarray(array, dtype=np.str_ if array.dtype.kind == "O" else None, order="F" if order == "F" else "C")
    if big_endian:
        sent = sent.astype(sent.dtype.newbyteorder(">"))
    npy, npz = io.BytesIO(), io.BytesIO()
    np.save(npy, sent)
    np.savez_compressed(npz, x=sent)
    if sent.dtype.itemsize:  # numpy makes arrays of empty strings only of width 1
        assert equal(parse(signature, npy.getvalue(), "application/x-npy")["x"], array)
        assert equal(parse(signature, npz.getvalue(), "application/x-npz")["x"], array)


def as_binary(array: np.ndarray) -> tuple[bytes, str]:
    """An array as the protocol's bytes, and its datatype."""
    if array.dtype.kind == "O":
        items = [item.encode() for item in array.ravel()]
        return b"".join(struct.pack("<I", len(item)) + item for item in items), "BYTES"
    names = {"b": "BOOL", "f": f"FP{8 * array.itemsize}", "i": f"INT{8 * array.itemsize}"}
    return array.tobytes(), names.get(array.dtype.kind, f"UINT{8 * array.itemsize}")


TYPES = ["", "application/json", "application/x-npy", "application/x-npz", "application/octet-stream", "text/csv"]
NASTY = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=60).map(lambda tail: b'{"data": ' + tail),
    st.binary(max_size=60).map(lambda tail: b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, " + tail),
    st.binary(max_size=60).map(lambda tail: b"PK\x03\x04" + tail),
    st.text('[]{},:"0123456789.eE+-truefalsn datipx', max_size=80).map(str.encode),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["data", "inputs", "x", "name"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(deadline=None, max_examples=400, database=None)
@given(body=NASTY, type=st.sampled_from(TYPES), zipped=st.booleans(), length=st.none() | st.text(max_size=4))
def test_arbitrary_bodies_raise_nothing_but_bad_request(
    body: bytes, type: str, zipped: bool, length: str | None
) -> None:
    headers = {"content_encoding": "gzip"} if zipped else {}
    if length is not None:
        headers["inference_header_content_length"] = length
    for signature in (signature_of(x=("float32", [None, 2])), signature_of(x=("int8", [None]), y=("string", [None]))):
        try:
            parse(signature, gzip.compress(body) if zipped else body, type, **headers)
        except BadRequest as error:
            assert error.status in (400, 413)
            assert error.code.startswith("SW15")


@settings(deadline=None, max_examples=200, database=None)
@given(data=st.data())
def test_damaged_npy_and_npz_raise_nothing_but_bad_request(data: st.DataObject) -> None:
    buffer = io.BytesIO()
    kind = data.draw(st.sampled_from(["application/x-npy", "application/x-npz"]))
    array = np.arange(8, dtype=np.float32).reshape(4, 2)
    if kind.endswith("y"):
        np.save(buffer, array)
    else:
        np.savez_compressed(buffer, x=array)
    body = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse(signature_of(x=("float32", [None, 2])), bytes(body), kind)
    except BadRequest as error:
        assert error.status in (400, 413)


SCALAR = signature_of(batch=False, x=("float32", []))
ROWS = signature_of(x=("float32", [None, 2]))


def test_an_input_without_axes_takes_a_bare_number(parser: str) -> None:
    assert equal(parse(SCALAR, b'{"data": 3}')["x"], np.array(3, np.float32))


def test_a_body_without_a_type_is_json(parser: str) -> None:
    assert parse(ROWS, b'{"data": [[1, 2]]}', "")["x"].tolist() == [[1, 2]]


@pytest.mark.parametrize("type", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"])
def test_spellings_of_json(type: str) -> None:
    assert parse(ROWS, b'\xef\xbb\xbf{"data": [[1, 2]]}', type)["x"].tolist() == [[1, 2]]


def test_charsets(parser: str) -> None:
    signature = signature_of(x=("string", [None]))
    for charset in ("utf-8", "latin-1", "utf-16"):
        body = '{"data": ["grün"]}'.encode(charset)
        assert parse(signature, body, f'application/json; charset="{charset}"')["x"].tolist() == ["grün"]


def test_gzip_bodies(parser: str) -> None:
    body = gzip.compress(b'{"data": [[1,') + gzip.compress(b" 2]]}")
    assert parse(ROWS, body, content_encoding="gzip")["x"].tolist() == [[1, 2]]


def test_whole_numbers_keep_every_digit(parser: str) -> None:
    signature = signature_of(x=("int64", [None]), y=("uint64", [None]))
    body = b'{"inputs": {"y": [18446744073709551615], "x": [-9007199254740993]}}'
    inputs = parse(signature, body)
    assert (inputs["x"].tolist(), inputs["y"].tolist()) == ([-9007199254740993], [18446744073709551615])
    assert list(inputs) == ["x", "y"]


@pytest.mark.parametrize("number", ["-9223372036854775809", "9223372036854775808"])
def test_whole_numbers_beyond_those_of_64_bit_are_refused_as_they_came(parser: str, number: str) -> None:
    signature = signature_of(x=("int64", [None]), y=("string", [None]))
    with pytest.raises(BadRequest, match=f"got {number} at"):
        parse(signature, f'{{"inputs": {{"x": [{number}], "y": ["a"]}}}}'.encode())


def test_whole_floats_are_whole_numbers(parser: str) -> None:
    assert parse(signature_of(x=("int8", [None])), b'{"data": [1.0, -2e1]}')["x"].tolist() == [1, -20]


def test_names_with_digits_and_letters_of_numbers(parser: str) -> None:
    signature = signature_of(e1=("float32", [None]), e2=("float32", [None]))
    inputs = parse(signature, b'{"inputs": {"e2": [2], "e1": [1]}}')
    assert (inputs["e1"].tolist(), inputs["e2"].tolist()) == ([1], [2])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"data": [[1, 2], [3]]}', "x[1] has 1 values, x[0] has 2"),
        (b'{"data": [[1, 2, 3]]}', "rows must have 2 values, these have 3"),
        (b'{"data": [1, 2]}', "wrap a single row"),
        (b'{"data": []}', "no rows"),
        (b'{"data": [[1, "a"]]}', "the string 'a' at x[0][1]"),
        (b'{"data": [[1, 1e39]]}', "x[0][1] is too large for float32"),
        (b'{"inputs": {"z": [[1, 2]]}}', "there is no input 'z'"),
        (b'{"imputs": {}}', "did you mean 'inputs'?"),
        (b'{"data": [[1, 2], 3]}', "x[1] is 3 where others beside it are lists"),
    ],
)
def test_refusals_say_what_and_where(body: bytes, message: str, parser: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(ROWS, body)
    assert message in caught.value.message


def test_values_are_rounded_to_the_models_precision(parser: str) -> None:
    inputs = parse(signature_of(x=("float16", [None])), b'{"data": [0.1, 65504]}')
    assert inputs["x"].tolist() == [float(np.float16(0.1)), 65504.0]


def test_bfloat16_arrives_as_float32() -> None:
    signature = signature_of(x=("bfloat16", [None]))
    head = b'{"inputs":[{"name":"x","shape":[1],"datatype":"BF16","parameters":{"binary_data_size":2}}]}'
    inputs = parse(signature, head + b"\x80\x3f", "", inference_header_content_length=str(len(head)))
    assert equal(inputs["x"], np.array([1.0], np.float32))


def test_bytes_that_are_no_text_stay_bytes() -> None:
    head = b'{"inputs":[{"name":"x","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":12}}]}'
    tail = b"\x02\x00\x00\x00\xff\xd8" + b"\x02\x00\x00\x00ok"
    signature = signature_of(x=("string", [None]))
    inputs = parse(signature, head + tail, "", inference_header_content_length=str(len(head)))
    assert inputs["x"].tolist() == [b"\xff\xd8", "ok"]


def test_numeric_tensors_of_another_dtype_are_converted_exactly(post: Callable[..., Request]) -> None:
    body = json.dumps({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "INT32", "data": [1, 2]}]}).encode()
    assert equal(parse(ROWS, body)["x"], np.array([[1, 2]], np.float32))
    wide = json.dumps({"inputs": [{"name": "x", "shape": [1], "datatype": "INT64", "data": [300]}]}).encode()
    with pytest.raises(BadRequest, match="whole numbers from 0 to 255"):
        parse(signature_of(x=("uint8", [None])), wide)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_threads_share_a_parser(dtype: str) -> None:
    shared = Parser(signature_of(x=(dtype, [None, 64])), Limits())
    wrong: list[int] = []

    def ask(number: int) -> None:
        kept = []
        for turn in range(200):
            body = json.dumps({"data": [[1000 * number + turn] * 64] * 3}).encode()
            kept.append(shared.parse(Request("POST", {"content-type": "application/json"}, body))[0]["x"])
        wrong.extend(turn for turn, array in enumerate(kept) if not (array == 1000 * number + turn).all())

    threads = [threading.Thread(target=ask, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_a_body_too_large_for_the_shared_parser_is_read() -> None:
    values = np.arange(600_000, dtype=np.float64).reshape(1, -1) + 0.25
    body = json.dumps({"data": values.tolist()}).encode()
    assert len(body) > 4 * 1024 * 1024
    assert equal(parse(signature_of(x=("float64", [None, 600_000])), body)["x"], values)


def test_binary_bodies_are_not_copied() -> None:
    array = np.arange(4, dtype=np.float32).reshape(2, 2)
    buffer = io.BytesIO()
    np.save(buffer, array)
    body = buffer.getvalue()
    parsed = parse(ROWS, body, "application/x-npy")["x"]
    assert np.shares_memory(parsed, np.frombuffer(body, np.uint8))


def test_repeated_keys_are_found_by_every_parser(parser: str) -> None:
    tensor = '{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2], "name" : "x"}'
    with pytest.raises(BadRequest) as caught:
        parse(ROWS, f'{{"inputs": [{tensor}]}}'.encode())
    assert (caught.value.code, caught.value.input) == ("SW1511", "name")


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a": ', b"}"), (b'[{"a": ', b"}]")])
def test_nesting_deeper_than_python_follows_is_refused(parser: str, opening: bytes, closing: bytes) -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(900)
    try:
        with pytest.raises(BadRequest, match="nested too deep"):
            parse(ROWS, b'{"data": ' + opening * 1000 + b"1" + closing * 1000 + b"}")
    finally:
        sys.setrecursionlimit(before)


def test_text_that_looks_like_a_key_is_text(parser: str) -> None:
    signature = signature_of(x=("string", [None]))
    assert parse(signature, json.dumps({"data": ['"a": "b":', '":']}).encode())["x"].tolist() == ['"a": "b":', '":']
