"""npy and npz bodies, in and out, without ever unpickling and without trusting the sizes that a header claims."""

from __future__ import annotations

import ast
import io
import math
import re
import struct
import zipfile
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .errors import BadRequest
from .limits import MAX_HEADER, MAX_NPZ_MEMBERS, MAX_RANK

if TYPE_CHECKING:
    from .types import Arrays, Bytes

_MAGIC = b"\x93NUMPY"
_DTYPE = re.compile(r"[<>|=](b1|[iu][1248]|f[248]|[US][1-9]\d{0,8})")


def read_npy(body: Bytes, name: str | None = None) -> np.ndarray:
    """The array in an npy body, without a copy; read-only. ``name``: for messages.

    Raises `BadRequest`: SW1519 for what is no whole npy array of plain values, SW1520 for a pickled one.
    """
    if not body.startswith(_MAGIC):
        raise BadRequest("SW1519", "the body is not an npy array: it does not begin with \\x93NUMPY", name)
    offset = _offset(body, name)
    header = _header(bytes(body[:offset]), name)
    given = len(body) - offset
    if header.size != given:
        raise BadRequest("SW1519", f"the npy header claims {header.size} bytes of data, there are {given}", name)
    try:
        if not given:
            return np.empty(header.shape, header.dtype, header.order)
        return np.ndarray(header.shape, header.dtype, body, offset, None, header.order)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadRequest("SW1519", f"the npy array cannot be read: {error}", name) from None


def read_npz(body: Bytes, limit: int) -> Arrays:
    """The arrays in an npz body by name. ``limit``: most bytes of all arrays together once unpacked.

    Raises `BadRequest`: SW1514, SW1519, SW1520, and SW1515 for a name that occurs twice.
    """
    if body.count(b"PK\x01\x02") > 2 * MAX_NPZ_MEMBERS:
        raise BadRequest("SW1514", f"the npz body has more than {MAX_NPZ_MEMBERS} arrays")
    arrays: Arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for member in archive.infolist():
                name = member.filename[:-4] if member.filename.endswith(".npy") else member.filename
                if name in arrays:
                    raise BadRequest("SW1515", f"the npz body has the array {name[:80]!r} twice", name[:80])
                data = _unpack(archive, member, limit)
                limit -= len(data)
                arrays[name] = read_npy(data, name[:80])
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError) as error:
        raise BadRequest("SW1519", f"the body is not a whole npz archive: {error}") from None
    except (NotImplementedError, RuntimeError, OverflowError, IndexError) as error:
        # What zipfile raises for encrypted, multi-volume and otherwise exotic archives.
        raise BadRequest("SW1519", f"the npz archive is of a kind that is not supported: {error}") from None
    return arrays


def write_npy(array: np.ndarray) -> bytes:
    """An array as npy, strings as fixed-width text."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, _storable(array), allow_pickle=False)
    return buffer.getvalue()


def write_npz(arrays: Arrays) -> bytes:
    """Arrays by name as npz."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(name + ".npy"), write_npy(array))
    return buffer.getvalue()


def _storable(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "O":
        return array
    texts = [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in array.ravel()]
    return np.array(texts, dtype=np.str_).reshape(array.shape)


class _Header(NamedTuple):
    """What a header says. ``size``: of the data, in bytes. ``order``: ``F`` where columns come first."""

    dtype: np.dtype[Any]
    order: Literal["C", "F"]
    shape: tuple[int, ...]
    size: int


def _offset(body: Bytes, name: str | None) -> int:
    """Where the data begin."""
    version = body[6:8]
    if version not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise BadRequest("SW1519", "the npy body is truncated or of an unknown version", name)
    start = 10 if version == b"\x01\x00" else 12
    length = int.from_bytes(body[8:start], "little")
    if len(body) < start + length or length > MAX_HEADER:
        raise BadRequest("SW1519", f"the npy header of {length} bytes is truncated or longer than {MAX_HEADER}", name)
    return start + length


@lru_cache(maxsize=64)
def _header(head: bytes, name: str | None) -> _Header:
    """What stands before the data. Callers send the same few headers again and again."""
    text = head[10 if head[6] == 1 else 12 :].decode("latin-1")
    try:
        fields = ast.literal_eval(text.strip())
        fortran, shape = fields["fortran_order"], tuple(fields["shape"])
        if not isinstance(fortran, bool) or not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError("impossible shape or order")
        dtype = _dtype(fields["descr"], name)
    except BadRequest:
        raise
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, RecursionError, MemoryError):
        # literal_eval raises MemoryError for deep nesting, whatever memory there is.
        raise BadRequest("SW1519", "the npy header is not the dictionary it must be", name) from None
    if len(shape) > MAX_RANK:
        raise BadRequest("SW1519", f"the npy array has {len(shape)} axes", name)
    return _Header(dtype, "F" if fortran else "C", shape, math.prod(shape) * dtype.itemsize)


def _dtype(descr: object, name: str | None) -> np.dtype[Any]:
    if isinstance(descr, str) and "O" in descr:
        raise BadRequest("SW1520", "the npy array is pickled (dtype object); it is refused, never loaded", name)
    if not isinstance(descr, str) or not _DTYPE.fullmatch(descr):
        shown = repr(descr)[:60]
        text = f"the npy dtype {shown} is not supported; use booleans, whole numbers, floats or fixed-width strings"
        raise BadRequest("SW1519", text, name)
    return np.dtype(descr)


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """One member's bytes, reading no further than the limit whatever the archive claims."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
        raise BadRequest("SW1519", "the npz archive is encrypted or packed in a way that numpy does not use")
    with archive.open(member) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise BadRequest("SW1514", "the arrays of the npz body are too large once unpacked")
    return data
