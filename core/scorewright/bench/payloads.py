"""Request bodies for a load: made from the service's sample, else from its signature, in the form that is asked for."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, NamedTuple

from scorewright.errors import DeploymentError
from scorewright.golden import read_sample, requests_of_zeros

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from scorewright.findings import Json
    from scorewright.signature import Signature
    from scorewright.spec.models import ServiceSpec

FORMS = ("json", "npy", "v2")
VARIANTS = 8
"""Different bodies of one load, so that answers given to the wrong caller are noticed."""
V2_DTYPES = {"float32": "FP32", "float64": "FP64", "float16": "FP16", "bool": "BOOL"} | {
    f"{sign}{bits}": f"{sign.upper()}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)
}


class Bodies(NamedTuple):
    """What is sent. ``headers``: besides those of the endpoint."""

    bodies: tuple[bytes, ...]
    headers: Mapping[str, str]


def make_bodies(service: ServiceSpec, signature: Signature | None, form: str, rows: int) -> Bodies:
    """Bodies of a form with so many rows each.

    A sample that only the service understands (an image, what a handler takes, another form of JSON) is sent as it is.
    Raises `DeploymentError` (SW1801) where such a sample is asked for in another form or with several rows.
    """
    arrays = None if service.handler is not None else _arrays(service, signature)
    if arrays is not None and signature is not None:
        if rows != 1 and not signature.batch:
            raise _cannot("the model has no open batch dimension, so that a request has one row")
        if form == "npy" and len(arrays) != 1:
            raise _cannot("an npy file holds one array, and the model has several inputs")
        return _encoded(arrays, form, rows, batch=signature.batch)
    if form != "json" or rows != 1:
        raise _cannot("the sample is an image, belongs to a handler, or is of a form that is not known here")
    return _as_it_is(service, signature)


def _arrays(service: ServiceSpec, signature: Signature | None) -> dict[str, np.ndarray] | None:
    """One request's inputs by name; None where the sample does not show them, or their dtype has no numbers."""
    import numpy as np

    if signature is None or any(tensor.dtype not in V2_DTYPES for tensor in signature.inputs):
        return None
    if service.sample is None:
        zeros = json.loads(next(requests_of_zeros(signature)))["inputs"]
        return {tensor.name: np.array(zeros[tensor.name], tensor.dtype) for tensor in signature.inputs}
    body, content_type = read_sample(service.sample.input)
    if content_type == "application/x-npy" and len(signature.inputs) == 1:
        return {signature.inputs[0].name: np.load(io.BytesIO(body), allow_pickle=False)}
    if content_type != "application/json":
        return None
    return _from_json(json.loads(body), signature)


def _from_json(document: Json, signature: Signature) -> dict[str, np.ndarray] | None:
    import numpy as np

    if not isinstance(document, dict):
        return None
    first = signature.inputs[0].name
    named = {first: document["data"]} if "data" in document and len(signature.inputs) == 1 else document.get("inputs")
    if not isinstance(named, dict) or any(tensor.name not in named for tensor in signature.inputs):
        return None
    try:
        return {tensor.name: np.array(named[tensor.name], tensor.dtype) for tensor in signature.inputs}
    except ValueError:
        return None


def _encoded(arrays: Mapping[str, np.ndarray], form: str, rows: int, *, batch: bool) -> Bodies:
    import numpy as np

    made: list[dict[str, np.ndarray]] = []
    for variant in range(VARIANTS):
        scaled = {name: _varied(array, variant) for name, array in arrays.items()}
        made.append({name: np.resize(a, (rows, *a.shape[1:])) for name, a in scaled.items()} if batch else scaled)
    encoded = {"json": _json, "npy": _npy, "v2": _v2}[form](made)
    return Bodies(tuple(dict.fromkeys(encoded.bodies)), encoded.headers)


def _varied(array: np.ndarray, variant: int) -> np.ndarray:
    """The same array a little weaker; whole numbers may be indices, so they stay."""
    return (array * (1 - variant / 64)).astype(array.dtype) if array.dtype.kind == "f" else array


def _json(made: list[dict[str, np.ndarray]]) -> Bodies:
    def text(inputs: dict[str, np.ndarray]) -> bytes:
        plain = {name: array.tolist() for name, array in inputs.items()}
        document = {"data": next(iter(plain.values()))} if len(plain) == 1 else {"inputs": plain}
        return json.dumps(document).encode()

    return Bodies(tuple(map(text, made)), {"content-type": "application/json", "accept": "application/json"})


def _npy(made: list[dict[str, np.ndarray]]) -> Bodies:
    import numpy as np

    def file(inputs: dict[str, np.ndarray]) -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, next(iter(inputs.values())), allow_pickle=False)
        return buffer.getvalue()

    return Bodies(tuple(map(file, made)), {"content-type": "application/x-npy", "accept": "application/x-npy"})


def _v2(made: list[dict[str, np.ndarray]]) -> Bodies:
    """The Open Inference Protocol with its binary tensor extension."""
    heads = [json.dumps({"inputs": list(_v2_tensors(inputs))}).encode() for inputs in made]
    bodies = tuple(
        head + b"".join(array.tobytes() for array in inputs.values())
        for head, inputs in zip(heads, made, strict=True)
    )  # fmt: skip
    length = {"inference-header-content-length": str(len(heads[0]))}
    return Bodies(bodies, {"content-type": "application/octet-stream", "accept": "application/json", **length})


def _v2_tensors(inputs: Mapping[str, np.ndarray]) -> Iterator[dict[str, Json]]:
    for name, array in inputs.items():
        size: dict[str, Json] = {"binary_data_size": array.nbytes}
        datatype = V2_DTYPES[str(array.dtype)]
        yield {"name": name, "shape": list(array.shape), "datatype": datatype, "parameters": size}


def _as_it_is(service: ServiceSpec, signature: Signature | None) -> Bodies:
    if service.sample is not None:
        body, content_type = read_sample(service.sample.input)
        return Bodies((body,), {"content-type": content_type, "accept": "application/json"})
    if signature is None or service.handler is not None:
        raise _cannot("there is no sample, and the signature does not tell what to send")
    body = next(requests_of_zeros(signature))
    return Bodies((body,), {"content-type": "application/json", "accept": "application/json"})


def _cannot(why: str) -> DeploymentError:
    steps = ["write services.NAME.sample.input", "or send JSON, one row: leave out --body and --rows"]
    return DeploymentError("SW1801", "there is nothing to send", cause=why, steps=steps)
