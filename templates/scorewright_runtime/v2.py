"""The Open Inference Protocol V2: JSON tensors and the binary tensor extension, in and out.

https://github.com/kserve/open-inference-protocol describes the JSON form, and the Triton project the extension:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import accelerate
from .convert import cast, from_json, is_text, text_where_utf8
from .errors import BadRequest, nearest
from .plain import plain_list
from .types import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .types import Arrays, Bytes

DTYPES = {
    "BOOL": "bool",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BF16": "bfloat16",
    "BYTES": "string",
}
_DATATYPES = {dtype: datatype for datatype, dtype in DTYPES.items()}
_MOST_VALUES = 2**40
_KEYS = ("name", "shape", "datatype", "data", "parameters")


class Wanted(NamedTuple):
    """What a V2 request asks of the answer. ``outputs``: name and whether binary, in order; None for all of them.
    ``binary``: for outputs that do not say. ``id``: given back as it came."""

    id: str | None = None
    outputs: Sequence[tuple[str, bool]] | None = None
    binary: bool = False


def read(document: Mapping[str, Any], tail: bytes | memoryview, outputs: Sequence[str] | None) -> tuple[Arrays, Wanted]:
    """Arrays by name in the datatypes that the request states, and what it wants.

    ``document``: the decoded JSON; ``tail``: the bytes after it, empty for pure JSON; ``outputs``: the names there are,
    None where unknown.
    Raises `BadRequest`: SW1518 for a breach of the protocol, SW1515 to SW1517 as for other bodies.
    """
    tensors = document.get("inputs")
    if not isinstance(tensors, list) or not tensors:
        raise BadRequest("SW1518", "`inputs` must be a list of tensors: [{name, shape, datatype, data}]")
    arrays: Arrays = {}
    offset = 0
    for tensor in tensors:
        spec, tensor_shape = _describe(tensor)
        if spec.name in arrays:
            raise BadRequest("SW1515", f"the input {spec.name[:80]!r} is given twice", spec.name[:80])
        size = _binary_size(tensor, spec.name)
        if size is None:
            arrays[spec.name] = _from_data(tensor, spec, tensor_shape)
        else:
            arrays[spec.name] = _from_bytes(memoryview(tail)[offset : offset + size], size, spec, tensor_shape)
            offset += size
    if offset != len(tail):
        raise BadRequest("SW1518", f"the inputs claim {offset} bytes of binary data, {len(tail)} follow the JSON")
    return arrays, _wanted(document, outputs)


def split(body: Bytes, length: str) -> tuple[bytes, memoryview]:
    """The JSON and the binary part of a body, the latter not copied. ``length``: the header
    ``Inference-Header-Content-Length``."""
    if not (length.isascii() and length.isdigit() and len(length) < 12) or int(length) > len(body):
        text = f"Inference-Header-Content-Length is {length[:40]!r}; it must be the bytes of JSON, at most {len(body)}"
        raise BadRequest("SW1518", text)
    return bytes(body[: int(length)]), memoryview(body)[int(length) :]


def write(arrays: Arrays, wanted: Wanted, model: str, version: str) -> tuple[bytes, dict[str, str]]:
    """The body of the answer and its headers, binary where asked."""
    chosen = wanted.outputs
    if chosen is None:
        chosen = [(name, wanted.binary) for name in arrays]
    outputs, tail = [], []
    for name, binary in chosen:
        array = np.asarray(arrays[name])
        datatype = _DATATYPES[_dtype_name(array)]
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "datatype": datatype}
        if binary:
            data = _to_bytes(array)
            entry["parameters"] = {"binary_data_size": len(data)}
            tail.append(data)
        else:
            entry["data"] = plain_list(array.ravel())
        outputs.append(entry)
    head = {"model_name": model, "model_version": version, "outputs": outputs}
    text = accelerate.dumps(head if wanted.id is None else {**head, "id": wanted.id})
    if not tail:
        return text, {"content-type": "application/json"}
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(text))}
    return b"".join([text, *tail]), headers


def _describe(tensor: object) -> tuple[TensorSpec, tuple[int, ...]]:
    """Name, stated datatype and stated shape of one input."""
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise BadRequest("SW1518", "each of `inputs` must be an object with a name")
    name = tensor["name"][:200]
    for key in tensor:
        if key not in _KEYS:
            raise BadRequest("SW1518", f"unknown key {key[:80]!r} in an input{nearest(key, _KEYS)}", name)
    shape, datatype = tensor.get("shape"), tensor.get("datatype")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape) or len(shape) > 32:
        raise BadRequest("SW1518", "`shape` must be a list of whole numbers, none negative", name)
    if math.prod(size or 1 for size in shape) > _MOST_VALUES:  # numpy refuses some such shapes even where one is 0
        raise BadRequest("SW1516", f"`shape` has more than {_MOST_VALUES} values", name)
    if not isinstance(datatype, str) or datatype not in DTYPES:
        text = f"`datatype` must be one of {', '.join(DTYPES)}, not {str(datatype)[:40]!r}"
        raise BadRequest("SW1518", text, name)
    return TensorSpec(name, DTYPES[datatype], None, name), tuple(shape)


def _binary_size(tensor: Mapping[str, Any], name: str) -> int | None:
    parameters = tensor.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise BadRequest("SW1518", "`parameters` must be an object", name)
    size = (parameters or {}).get("binary_data_size")
    if size is None:
        if "data" not in tensor:
            raise BadRequest("SW1518", "the input has neither `data` nor `parameters.binary_data_size`", name)
        return None
    if "data" in tensor or type(size) is not int or size < 0:
        text = "`binary_data_size` must be a whole number, not negative, and excludes `data`"
        raise BadRequest("SW1518", text, name)
    return size


def _from_data(tensor: Mapping[str, Any], spec: TensorSpec, shape: tuple[int, ...]) -> np.ndarray:
    array = from_json(tensor["data"], spec)
    if array.size != math.prod(shape) or (array.ndim > 1 and array.shape != shape):
        text = f"`shape` is {list(shape)}, but `data` has {array.size} values in the shape {list(array.shape)}"
        raise BadRequest("SW1516", text, spec.name)
    return array.reshape(shape)


def _from_bytes(data: memoryview, size: int, spec: TensorSpec, shape: tuple[int, ...]) -> np.ndarray:
    if len(data) != size:
        raise BadRequest("SW1518", f"the input claims {size} bytes of binary data, {len(data)} are left", spec.name)
    count = math.prod(shape)
    if spec.dtype == "string":
        return _read_bytes(data, count, spec).reshape(shape)
    width = 2 if spec.dtype == "bfloat16" else spec.numpy.itemsize
    if count * width != size:
        text = f"`shape` {list(shape)} takes {count * width} bytes, `binary_data_size` is {size}"
        raise BadRequest("SW1518", text, spec.name)
    if size == 0:
        return np.empty(shape, spec.numpy)
    if spec.dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if spec.dtype == "bool":
        return np.frombuffer(data, np.uint8).reshape(shape).astype(np.bool_)
    return cast(np.frombuffer(data, spec.numpy.newbyteorder("<")).reshape(shape), spec)


def _read_bytes(data: memoryview, count: int, spec: TensorSpec) -> np.ndarray:
    """Strings, each after its length in four bytes."""
    items: list[bytes] = []
    offset = 0
    while offset < len(data):
        length = int.from_bytes(data[offset : offset + 4], "little")
        offset += 4 + length
        items.append(bytes(data[offset - length : offset]))
    if offset != len(data) or len(items) != count:
        text = f"the binary data hold {len(items)} strings, the last perhaps cut; `shape` says {count}"
        raise BadRequest("SW1518", text, spec.name)
    return text_where_utf8(items)


def _wanted(document: Mapping[str, Any], names: Sequence[str] | None) -> Wanted:
    identity, parameters = document.get("id"), document.get("parameters") or {}
    if identity is not None and not isinstance(identity, str):
        raise BadRequest("SW1518", "`id` must be a string")
    if identity is not None and not is_text(identity):
        raise BadRequest("SW1518", "`id` has half of a surrogate pair, which is no text")
    if not isinstance(parameters, dict):
        raise BadRequest("SW1518", "`parameters` must be an object")
    binary = bool(parameters.get("binary_data_output", False))
    asked = document.get("outputs")
    if not asked:
        return Wanted(identity, None, binary)
    if not isinstance(asked, list):
        raise BadRequest("SW1518", "`outputs` must be a list: [{name}]")
    wanted = [_wanted_output(entry, names, binary) for entry in asked]
    if len(dict(wanted)) < len(wanted):  # an answer must not be many times as large as what the model says
        raise BadRequest("SW1518", "`outputs` names an output twice")
    return Wanted(identity, wanted, binary)


def _wanted_output(entry: object, names: Sequence[str] | None, binary: bool) -> tuple[str, bool]:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(name, str):
        raise BadRequest("SW1518", "each of `outputs` must be an object with a name")
    if names is not None and name not in names:
        text = f"there is no output {name[:80]!r}{nearest(name, names)}; there are {', '.join(names)}"
        raise BadRequest("SW1518", text)
    parameters = entry.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise BadRequest("SW1518", "`parameters` must be an object")
    return name, bool(parameters.get("binary_data", binary))


def _dtype_name(array: np.ndarray) -> str:
    if array.dtype.kind in "OUS":
        return "string"
    return array.dtype.name if array.dtype.name in _DATATYPES else "float64"


def _to_bytes(array: np.ndarray) -> bytes:
    if array.dtype.kind in "OUS":
        items = [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel().tolist()]
        return b"".join(struct.pack("<I", len(item)) + item for item in items)
    if array.dtype.name not in _DATATYPES:
        array = array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
