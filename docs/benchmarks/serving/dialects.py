"""What requests and answers look like on the wire, service by service."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

Encode = Callable[[np.ndarray], bytes]
Decode = Callable[[bytes], np.ndarray]
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Dialect:
    """``kind``: json, f32 or u8, so that equals are compared. ``decode``: the classes that an answer names."""

    kind: str
    path: str
    headers: Mapping[str, str]
    encode: Encode
    decode: Decode = field(default=lambda body: classes(json.loads(body)))


def classes(answer: object) -> np.ndarray:
    """Classes from whatever an answer holds: the classes themselves, or one row of scores each."""
    while isinstance(answer, dict):
        answer = next(answer[key] for key in ("predictions", "outputs", "data", "classes", "scores") if key in answer)
        if isinstance(answer, list) and answer and isinstance(answer[0], dict):
            answer = answer[0]
    array = np.asarray(answer)
    return array.argmax(axis=-1).ravel() if array.ndim > 1 and array.shape[-1] > 1 else array.ravel().astype(int)


def json_rows(key: str) -> Encode:
    """Rows as nested lists under a key."""
    return lambda rows: json.dumps({key: rows.tolist()}).encode()


def npy(dtype: str) -> Encode:
    """An npy file."""

    def encode(rows: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, rows.astype(dtype))
        return buffer.getvalue()

    return encode


def raw(rows: np.ndarray) -> bytes:
    """Bare float32."""
    return rows.astype("<f4").tobytes()


def v2_json(name: str) -> Encode:
    """The Open Inference Protocol, all in JSON."""

    def encode(rows: np.ndarray) -> bytes:
        tensor = {"name": name, "shape": list(rows.shape), "datatype": "FP32", "data": rows.ravel().tolist()}
        return json.dumps({"inputs": [tensor]}).encode()

    return encode


def v2_binary(name: str, rows_like: np.ndarray) -> Dialect:
    """The Open Inference Protocol with the tensor behind the JSON; requests of one shape have one header length."""

    def head(rows: np.ndarray) -> bytes:
        parameters = {"binary_data_size": rows.size * 4}
        tensor = {"name": name, "shape": list(rows.shape), "datatype": "FP32", "parameters": parameters}
        return json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()

    length = str(len(head(rows_like)))
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": length}
    return Dialect("f32", "/v2/models/mnist/infer", headers, lambda rows: head(rows) + raw(rows), _v2_classes)


def _v2_classes(body: bytes) -> np.ndarray:
    """Classes from an answer with its tensor at the end: JSON up to its closing brace, then int64."""
    tensor = json.JSONDecoder().raw_decode(body.decode("latin-1"))[0]["outputs"][0]
    size = tensor["parameters"]["binary_data_size"]
    return np.array(struct.unpack(f"<{size // 8}q", body[-size:]))


TUTORIAL = Dialect("json", "/score", JSON, json_rows("data"))
NPY_F32 = Dialect("f32", "/score", {"content-type": "application/x-npy"}, npy("<f4"))
NPY_U8 = Dialect("u8", "/score", {"content-type": "application/x-npy"}, npy("u1"))
RAW_F32 = Dialect("f32", "/score", {"content-type": "application/octet-stream"}, raw)
V2_JSON = Dialect("json", "/v2/models/mnist/infer", JSON, v2_json("x"))
