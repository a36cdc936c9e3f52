"""Requests that no service may take: each must be answered with 4xx and a reason, and leave the service alive.

`malformed` makes them for a signature, so that the same corpus is used on the runtime itself and over HTTP, for every
framework.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scorewright_runtime import v2
from scorewright_runtime.warmup import blank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scorewright_runtime import Arrays, Signature


class Malformed(NamedTuple):
    """A bad request. ``status``: what it must be answered with. ``code``: the error's code."""

    name: str
    headers: dict[str, str]
    body: bytes
    code: str
    status: int = 400


MIB = 1024 * 1024
_JSON = {"content-type": "application/json"}
_NPY = {"content-type": "application/x-npy"}
_NPZ = {"content-type": "application/x-npz"}


def malformed(signature: Signature, limit: int = 2 * MIB) -> list[Malformed]:
    """The corpus for a signature. ``limit``: the service's ``SCOREWRIGHT_MAX_BODY_BYTES``."""
    arrays = blank(signature, 1, 1)
    assert arrays is not None
    requests = [
        *_json(),
        *_transport(limit),
        *_inputs(arrays, signature),
        *_v2(arrays),
        *_npy(arrays),
        *_npz(arrays, limit),
    ]
    if len(arrays) == 1:
        requests += _values(next(iter(arrays.values())), signature)
    return requests


def images() -> list[Malformed]:
    """What a service with ``image`` must refuse."""
    png = {"content-type": "image/png"}
    jpeg = {"content-type": "image/jpeg"}
    return [
        Malformed("png-empty", png, b"", "SW1510"),
        Malformed("png-text", png, b"not an image", "SW1521"),
        Malformed("png-truncated", png, _png(64, 64)[:60], "SW1521"),
        Malformed("png-bad-checksum", png, _png(8, 8).replace(b"IDAT", b"IDAX"), "SW1521"),
        Malformed("png-bomb", png, _png(30_000, 30_000, rows=0), "SW1514"),
        Malformed("png-huge-claim", png, _png(2_000_000_000, 2_000_000_000, rows=0), "SW1514"),
        Malformed("jpeg-truncated", jpeg, b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "SW1521"),
        Malformed("jpeg-is-gif", jpeg, b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "SW1521"),
    ]


def _json() -> Iterator[Malformed]:
    deep = b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield Malformed("empty", _JSON, b"", "SW1510")
    yield Malformed("spaces", _JSON, b"  \n", "SW1510")
    yield Malformed("empty-without-type", {}, b"", "SW1510")
    yield Malformed("not-json", _JSON, b"hello", "SW1511")
    yield Malformed("cut-json", _JSON, b'{"data": [[1, 2', "SW1511")
    yield Malformed("trailing-comma", _JSON, b'{"data": [[1, 2,]]}', "SW1511")
    yield Malformed("trailing-text", _JSON, b'{"data": [[1]]} {}', "SW1511")
    yield Malformed("single-quotes", _JSON, b"{'data': [[1]]}", "SW1511")
    yield Malformed("nul-bytes", _JSON, b"\x00\x00\x00\x00", "SW1511")
    yield Malformed("bad-utf8", _JSON, b'{"data": "\xff\xfe"}', "SW1511")
    yield Malformed("bad-utf8-in-key", _JSON, b'{"da\xc3ta": [[1]]}', "SW1511")
    yield Malformed("deep", _JSON, deep, "SW1511")
    yield Malformed("deep-unclosed", _JSON, b"[" * 1_000_000, "SW1511")
    yield Malformed("nan-literal", _JSON, b'{"data": [[NaN]]}', "SW1511")
    yield Malformed("infinity-literal", _JSON, b'{"data": [[-Infinity]]}', "SW1511")
    yield Malformed("endless-number", _JSON, b'{"data": [[' + b"9" * 100_000 + b"]]}", "SW1511")
    yield Malformed("leading-zero", _JSON, b'{"data": [[01]]}', "SW1511")
    yield Malformed("repeated-key", _JSON, b'{"data": [[1]], "data": [[2]]}', "SW1511")
    yield Malformed("one-of-many-keys-repeated", _JSON, _many_keys(100_000), "SW1511")
    yield Malformed("long-key", _JSON, b'{"' + b"k" * MIB + b'": 1}', "SW1512")
    yield Malformed("top-level-list", _JSON, b"[[1, 2]]", "SW1512")
    yield Malformed("top-level-number", _JSON, b"7", "SW1512")
    yield Malformed("top-level-string", _JSON, b'"data"', "SW1512")
    yield Malformed("null", _JSON, b"null", "SW1512")
    yield Malformed("empty-object", _JSON, b"{}", "SW1512")
    yield Malformed("misspelt-key", _JSON, b'{"dta": [[1]]}', "SW1512")
    yield Malformed("data-and-more", _JSON, b'{"data": [[1]], "method": "predict"}', "SW1512")
    yield Malformed("inputs-is-number", _JSON, b'{"inputs": 3}', "SW1512")
    yield Malformed("inputs-is-null", _JSON, b'{"inputs": null}', "SW1512")


def _transport(limit: int) -> Iterator[Malformed]:
    good = b'{"data": [[1]]}'
    bomb = gzip.compress(bytes(limit + 1000), 1)
    yield Malformed("form-type", {"content-type": "application/x-www-form-urlencoded"}, good, "SW1513")
    yield Malformed("xml-type", {"content-type": "application/xml"}, b"<a/>", "SW1513")
    yield Malformed("octets", {"content-type": "application/octet-stream"}, b"\x00" * 8, "SW1513")
    yield Malformed("unknown-charset", {"content-type": "application/json; charset=ebcdic"}, good, "SW1513")
    yield Malformed("wrong-charset", {"content-type": "application/json; charset=utf-16"}, good + b" ", "SW1511")
    yield Malformed("brotli", {**_JSON, "content-encoding": "br"}, good, "SW1513")
    yield Malformed("not-gzip", {**_JSON, "content-encoding": "gzip"}, good, "SW1511")
    yield Malformed("cut-gzip", {**_JSON, "content-encoding": "gzip"}, gzip.compress(good)[:-6], "SW1511")
    yield Malformed("gzip-members", {**_JSON, "content-encoding": "gzip"}, gzip.compress(b"") * 50_000, "SW1514")
    yield Malformed("gzip-bomb", {**_JSON, "content-encoding": "gzip"}, bomb, "SW1514", 413)


def _inputs(arrays: Arrays, signature: Signature) -> Iterator[Malformed]:
    rows = {name: array.tolist() for name, array in arrays.items()}
    first = next(iter(rows))
    missing = {name: value for name, value in rows.items() if name != first}
    yield Malformed("no-inputs", _JSON, b'{"inputs": {}}', "SW1515")
    yield Malformed("missing-input", _JSON, _dump({"inputs": missing}), "SW1515")
    yield Malformed("extra-input", _JSON, _dump({"inputs": {**rows, "extra": [[1]]}}), "SW1515")
    yield Malformed("misspelt-input", _JSON, _dump({"inputs": {**missing, first + "_": rows[first]}}), "SW1515")
    pair = f"{json.dumps(first)}: {json.dumps(rows[first])}"
    twice = ('{"inputs": {' + f"{pair}, {pair}" + "}}").encode()
    yield Malformed("repeated-input", _JSON, twice, "SW1511")
    number = ('{"inputs": {' + pair + "," + pair.split(":")[0] + ": 5}}").encode()
    yield Malformed("repeated-input-as-a-number", _JSON, number, "SW1511")
    yield Malformed("object-rows", _JSON, _dump({"inputs": {**rows, first: {"a": 1}}}), "SW1517")
    yield Malformed("null-rows", _JSON, _dump({"inputs": {**rows, first: None}}), "SW1517")
    yield Malformed("no-rows", _JSON, _dump({"inputs": {**rows, first: []}}), "SW1516")
    yield Malformed("one-axis-more", _JSON, _dump({"inputs": {**rows, first: [rows[first]]}}), "SW1516")
    yield Malformed("too-deep", _JSON, _dump({"inputs": {**rows, first: _nested(40)}}), "SW1516")
    yield Malformed("ragged", _JSON, _dump({"inputs": {**rows, first: [rows[first], [[]]]}}), "SW1516")
    yield Malformed("list-beside-value", _JSON, _dump({"inputs": {**rows, first: [[[1], 2]]}}), "SW1516")
    if len(arrays) > 1:
        yield Malformed("data-for-several", _JSON, _dump({"data": rows[first]}), "SW1512")
    if len(arrays) > 1 and signature.batch:
        yield Malformed("uneven-rows", _JSON, _dump({"inputs": {**rows, first: rows[first] * 3}}), "SW1516")


def _values(array: np.ndarray, signature: Signature) -> Iterator[Malformed]:
    """Wrong values in the only input's rows."""
    spec = signature.inputs[0]
    rows = array.tolist()
    yield Malformed("data-null", _JSON, b'{"data": null}', "SW1517")
    yield Malformed("data-string", _JSON, b'{"data": "1 2 3"}', "SW1516" if spec.dtype == "string" else "SW1517")
    yield Malformed("data-empty", _JSON, b'{"data": []}', "SW1516")
    yield Malformed("single-row", _JSON, _dump({"data": rows[0]}), "SW1516")
    yield Malformed("null-value", _JSON, _dump({"data": _with_first(rows, None)}), "SW1517")
    yield Malformed("object-value", _JSON, _dump({"data": _with_first(rows, {})}), "SW1517")
    if array.ndim == 2:
        yield Malformed("too-wide", _JSON, _dump({"data": [[*rows[0], *rows[0]]]}), "SW1516")
        yield Malformed("ragged-rows", _JSON, _dump({"data": [rows[0], [*rows[0], *rows[0]]]}), "SW1516")
        yield Malformed("rows-without-values", _JSON, b'{"data": [[], []]}', "SW1516")
    if spec.numpy.kind in "iuf":
        yield Malformed("nan-string", _JSON, _dump({"data": _with_first(rows, "NaN")}), "SW1517")
        yield Malformed("number-string", _JSON, _dump({"data": _with_first(rows, "1.5")}), "SW1517")
        yield Malformed("boolean", _JSON, _dump({"data": _with_first(rows, True)}), "SW1517")
        yield Malformed("huge-number", _JSON, _dump({"data": _with_first(rows, 10**400)}), "SW1517")
        infinite = _dump({"data": _with_first(rows, 12345)}).replace(b"12345", b"1e999")
        yield Malformed("infinite-number", _JSON, infinite, "SW1517")
    if spec.dtype in ("float32", "float16", "bfloat16"):
        yield Malformed("beyond-float32", _JSON, _dump({"data": _with_first(rows, 1e300)}), "SW1517")
    if spec.numpy.kind in "iu":
        yield Malformed("fraction", _JSON, _dump({"data": _with_first(rows, 0.5)}), "SW1517")
        yield Malformed("beyond-integer", _JSON, _dump({"data": _with_first(rows, 2**70)}), "SW1517")
    if spec.numpy.kind in "Ob":
        yield Malformed("number-for-another", _JSON, _dump({"data": _with_first(rows, 1)}), "SW1517")


def _v2(arrays: Arrays) -> Iterator[Malformed]:
    tensors = [
        {"name": name, "shape": list(array.shape), "datatype": _datatype(array), "data": array.ravel().tolist()}
        for name, array in arrays.items()
    ]
    first, others = tensors[0], tensors[1:]

    def changed(**fields: object) -> bytes:
        return _dump({"inputs": [{**first, **fields}, *others]})

    yield Malformed("v2-no-inputs", _JSON, b'{"inputs": []}', "SW1518")
    yield Malformed("v2-input-is-number", _JSON, b'{"inputs": [1]}', "SW1518")
    yield Malformed("v2-unknown-key", _JSON, _dump({"inputs": tensors, "input": 1}), "SW1518")
    yield Malformed("v2-misspelt-key", _JSON, changed(dtype="FP32"), "SW1518")
    yield Malformed("v2-no-name", _JSON, changed(name=None), "SW1518")
    yield Malformed("v2-unknown-name", _JSON, changed(name="nobody"), "SW1515")
    yield Malformed("v2-twice", _JSON, _dump({"inputs": [first, *tensors]}), "SW1515")
    yield Malformed("v2-bad-datatype", _JSON, changed(datatype="float32"), "SW1518")
    yield Malformed("v2-negative-shape", _JSON, changed(shape=[-1, 4]), "SW1518")
    yield Malformed("v2-huge-shape", _JSON, changed(shape=[2**40, 2**40]), "SW1516")
    yield Malformed("v2-huge-empty-shape", _JSON, changed(shape=[0, 2**63], data=[]), "SW1516")
    yield Malformed("v2-huge-empty-shapes", _JSON, changed(shape=[0, 2**40, 2**40], data=[]), "SW1516")
    yield Malformed("v2-shape-is-text", _JSON, changed(shape="1"), "SW1518")
    yield Malformed("v2-wrong-count", _JSON, changed(shape=[977]), "SW1516")
    yield Malformed("v2-bad-output", _JSON, _dump({"inputs": tensors, "outputs": [{"name": "nobody"}]}), "SW1518")
    yield Malformed("v2-id-is-number", _JSON, _dump({"inputs": tensors, "id": 4}), "SW1518")
    yield Malformed("v2-id-is-half-a-pair", _JSON, _dump({"inputs": tensors, "id": "\ud800"}), "SW1518")
    yield Malformed("v2-parameters-is-list", _JSON, _dump({"inputs": tensors, "parameters": [1]}), "SW1518")
    yield from _v2_binary(first, others, changed)


def _v2_binary(
    first: dict[str, Any], others: list[dict[str, Any]], changed: Callable[..., bytes]
) -> Iterator[Malformed]:
    def binary(size: int, tail: bytes, length: str | None = None) -> tuple[dict[str, str], bytes]:
        tensor = {key: value for key, value in first.items() if key != "data"}
        head = _dump({"inputs": [{**tensor, "parameters": {"binary_data_size": size}}, *others]})
        return {"inference-header-content-length": length or str(len(head))}, head + tail

    size_of_nothing = {"shape": [0, 2**40, 2**40], "parameters": {"binary_data_size": 0}}
    head = _dump({"inputs": [{**{k: v for k, v in first.items() if k != "data"}, **size_of_nothing}, *others]})
    yield Malformed("v2-binary-of-nothing", {"inference-header-content-length": str(len(head))}, head, "SW1516")
    yield Malformed("v2-binary-cut", *binary(4096, b"\x00" * 5), "SW1518")
    yield Malformed("v2-binary-too-long", *binary(1, b"\x00" * 5), "SW1518")
    yield Malformed("v2-binary-negative", *binary(-1, b""), "SW1518")
    yield Malformed("v2-binary-huge-claim", *binary(2**62, b""), "SW1518")
    yield Malformed("v2-header-length-text", *binary(4, b"\x00" * 4, "all"), "SW1518")
    yield Malformed("v2-header-length-beyond", *binary(4, b"\x00" * 4, "99999999"), "SW1518")
    yield Malformed("v2-header-length-cuts", *binary(4, b"\x00" * 4, "20"), "SW1511")
    tail = b"\x00\x00\x00\x00"
    head = changed(parameters={"binary_data_size": 4})
    yield Malformed("v2-both", {"inference-header-content-length": str(len(head))}, head + tail, "SW1518")


def _npy(arrays: Arrays) -> Iterator[Malformed]:
    # With several inputs an npy body is refused for that reason, before it is read.
    code, unsafe = ("SW1512", "SW1512") if len(arrays) > 1 else ("SW1519", "SW1520")
    good = _npy_bytes(np.zeros((1, 3), np.float32))
    yield Malformed("npy-empty", _NPY, b"", "SW1510")
    yield Malformed("npy-text", _NPY, b"hello world", code)
    yield Malformed("npy-magic-only", _NPY, good[:6], code)
    yield Malformed("npy-cut-header", _NPY, good[:40], code)
    yield Malformed("npy-cut-data", _NPY, good[:-3], code)
    yield Malformed("npy-too-long", _NPY, good + b"\x00", code)
    yield Malformed("npy-pickled", _NPY, _npy_bytes(np.array([{"a": 1}, None], dtype=object)), unsafe)
    yield Malformed(
        "npy-bomb", _NPY, _npy_claim("{'descr':'<f4','fortran_order':False,'shape':(1048576,1048576)}"), code
    )
    yield Malformed("npy-bad-header", _NPY, _npy_claim("{'descr':'<f4'"), code)
    yield Malformed("npy-code-header", _NPY, _npy_claim("__import__('os').getcwd()"), code)
    yield Malformed("npy-nested-header", _NPY, _npy_claim("(" * 5000), code)
    yield Malformed("npy-negative", _NPY, _npy_claim("{'descr':'<f4','fortran_order':False,'shape':(-1,)}"), code)
    yield Malformed("npy-structured", _NPY, _npy_bytes(np.zeros(2, dtype=[("a", "<f4")])), code)
    yield Malformed("npy-dates", _NPY, _npy_bytes(np.zeros(2, dtype="datetime64[s]")), code)
    if len(arrays) == 1:
        kind = next(iter(arrays.values())).dtype.kind
        other = np.zeros((1, 3), bool) if kind != "b" else np.zeros((1, 3), np.float32)
        yield Malformed("npy-other-kind", _NPY, _npy_bytes(other), "SW1517")
        yield Malformed("npy-complex", _NPY, _npy_bytes(np.zeros((1, 3), complex)), "SW1519")


def _npz(arrays: Arrays, limit: int) -> Iterator[Malformed]:
    first = next(iter(arrays))
    yield Malformed("npz-empty", _NPZ, b"", "SW1510")
    yield Malformed("npz-text", _NPZ, b"hello world", "SW1519")
    yield Malformed("npz-cut", _NPZ, _zip({f"{first}.npy": _npy_bytes(np.zeros(9))})[:-30], "SW1519")
    yield Malformed("npz-no-arrays", _NPZ, _zip({}), "SW1515")
    yield Malformed("npz-wrong-name", _NPZ, _zip({"nobody.npy": _npy_bytes(np.zeros((1, 3)))}), "SW1515")
    yield Malformed("npz-member-is-text", _NPZ, _zip({f"{first}.npy": b"hello"}), "SW1519")
    pickled = _npy_bytes(np.array([None], dtype=object))
    yield Malformed("npz-pickled", _NPZ, _zip({f"{first}.npy": pickled}), "SW1520")
    bomb = {f"{first}.npy": bytes(limit + 1000)}
    yield Malformed("npz-bomb", _NPZ, _zip(bomb), "SW1514")
    many = {f"{index}.npy": b"" for index in range(2000)}
    yield Malformed("npz-many", _NPZ, _zip(many), "SW1514")


def _dump(value: object) -> bytes:
    return json.dumps(value).encode()


def _many_keys(count: int) -> bytes:
    """An object of which only the last key is there twice; to find it must not take the square of the keys' number."""
    keys = ", ".join(f'"{number}": 0' for number in [*range(count), count - 1])
    return ("{" + keys + "}").encode()


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def _with_first(rows: object, value: object) -> object:
    """The same nested lists with another first leaf."""
    if not isinstance(rows, list):
        return value
    return [_with_first(rows[0], value), *rows[1:]]


def _datatype(array: np.ndarray) -> str:
    name = "string" if array.dtype.kind == "O" else array.dtype.name
    return next(datatype for datatype, dtype in v2.DTYPES.items() if dtype == name)


def _npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _npy_claim(header: str) -> bytes:
    """An npy body of a header alone."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _png(width: int, height: int, rows: int | None = None) -> bytes:
    """A grey PNG; ``rows``: how many rows of pixels there really are."""
    pixels = b"".join(b"\x00" * (width + 1) for _ in range(height if rows is None else rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
