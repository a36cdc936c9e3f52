"""A request to the model's inputs: every form of body that the service takes.

===============================  =====================================================================================
``application/json``             ``{"data": rows}`` for a model with one input, ``{"inputs": {name: rows}}`` for any, or
                                 V2 with ``{"inputs": [{name, shape, datatype, data}]}``; also where no type is given
``application/octet-stream``     V2 with binary tensors (``Inference-Header-Content-Length`` says how much is JSON)
``application/x-npy``            one array, for a model with one input
``application/x-npz``            arrays by input name
``image/jpeg``, ``image/png``    where the service has ``image``
===============================  =====================================================================================

Rows are what the input's shape says, batch axis included: for an input of [any, 784], a list of lists of 784 numbers. A
single row is not wrapped silently, for what is a row would be a guess where shapes are open: the refusal says how to
wrap it. An input without axes takes a bare number.

Every fault is a `BadRequest`: 400, also for a content type that is not supported, and 413 for what is too large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import jsonbody, npy, v2
from .body import accepted_array, media_type, unpacked
from .errors import BadRequest, nearest
from .images import TYPES as IMAGE_TYPES
from .plainrows import Input, PlainRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .images import ImageReader
    from .limits import Limits
    from .types import Arrays, Bytes, Request, Signature

_JSON_TYPES = ("", "application/json", "text/json")
_BINARY_TYPES = ("application/x-npy", "application/x-npz", *IMAGE_TYPES)
_FAST_CHARSETS = ("", "utf-8", "utf8", "us-ascii")


class Asked(NamedTuple):
    """How the caller wants the answer. ``form``: ``data``, ``inputs`` or ``v2``, as the request was. ``array``: ``npy``
    or ``npz`` instead of JSON, else empty. ``v2``: what a V2 request says of its answer."""

    form: str
    array: str = ""
    v2: v2.Wanted = v2.Wanted()


_ASKED = {form: Asked(form) for form in ("data", "inputs")}
"""What nearly all ask for."""


class Body(NamedTuple):
    """A body taken apart, its values not yet held against the signature: arrays or decoded JSON, by name.
    ``fits``: they are arrays, and known to fit already."""

    values: Mapping[str, Any]
    asked: Asked
    fits: bool = False


class Parser:
    """Takes requests apart.

    ``outputs``: the names that V2 callers may ask for; None where only the handler knows. ``free``: a handler prepares
    the inputs, so names and values are its affair, and any content type may come.
    """

    def __init__(
        self,
        signature: Signature,
        limits: Limits,
        image: ImageReader | None = None,
        outputs: Sequence[str] | None = (),
        free: bool = False,
    ) -> None:
        self._signature, self._limits, self._image = signature, limits, image
        self._outputs, self._free = outputs, free
        self._inputs = {spec.name: Input(spec, signature.batch) for spec in signature.inputs}
        self._plain = PlainRows(signature, self._inputs)
        self._names = [spec.name for spec in signature.inputs]
        self._only = self._names[0] if len(self._names) == 1 else None

    def parse(self, request: Request) -> tuple[Arrays, Asked]:
        """The inputs of the model, fit for one call, and how to answer. Raises `BadRequest`."""
        body = self.read(request)
        return (dict(body.values) if body.fits else self.check(body.values)), body.asked

    def read(self, request: Request) -> Body:
        """The body taken apart. Raises `BadRequest`."""
        headers = request.headers
        kind, charset = media_type(headers.get("content-type", ""))
        accept = headers.get("accept", "")
        array = accepted_array(accept) if "x-np" in accept else ""
        data = unpacked(request, self._limits.body)
        if "inference-header-content-length" in headers:
            return self._v2_binary(data, headers["inference-header-content-length"])
        if kind in _JSON_TYPES or kind.endswith("+json"):
            return self._json(data, charset, array)
        form = "inputs" if kind == "application/x-npz" else "data"
        return Body(self._binary(kind, data), self._asked(form, array))

    def check(self, values: Mapping[str, Any]) -> Arrays:
        """Arrays that the model takes, from arrays or decoded JSON by input name, in the signature's order.

        Raises `BadRequest`: SW1515 for missing and unknown names, SW1516 for shapes, SW1517 for values.
        """
        if values.keys() != self._inputs.keys():
            self._refuse_names(values)
        arrays = {name: input.take(values[name]) for name, input in self._inputs.items()}
        if self._signature.batch and len(arrays) > 1:
            rows = {name: array.shape[0] for name, array in arrays.items()}
            if len(set(rows.values())) > 1:
                told = ", ".join(f"{name} {count}" for name, count in rows.items())
                raise BadRequest("SW1516", f"all inputs must have as many rows: {told}", next(iter(rows)))
        return arrays

    def _json(self, data: Bytes, charset: str, array: str) -> Body:
        if not self._free and charset.lower() in _FAST_CHARSETS:
            plain = self._plain.read(data)
            if plain is not None:
                return Body(plain[1], self._asked(plain[0], array), fits=True)
        document = jsonbody.decode(data, charset)
        if not isinstance(document, dict):
            raise BadRequest("SW1512", f"the body is {_what(document)}, not an object; {self._usage()}")
        if isinstance(document.get("inputs"), list) and "data" not in document:
            return self._v2(document, b"")
        if "data" in document:
            _only_key(document, "data")
            return Body({self._data_name(): document["data"]}, self._asked("data", array))
        return Body(self._by_name(document), self._asked("inputs", array))

    def _by_name(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        if "inputs" not in document:
            first = next(iter(document), None)
            hint = "" if first is None else f" instead of {first[:80]!r}{nearest(first, ['data', 'inputs'])}"
            raise BadRequest("SW1512", f"the body needs the key `data` or `inputs`{hint}; {self._usage()}")
        _only_key(document, "inputs")
        values = document["inputs"]
        if not isinstance(values, dict):
            raise BadRequest("SW1512", f"`inputs` is {_what(values)}, not an object of rows by name; {self._usage()}")
        return values

    def _v2(self, document: Mapping[str, Any], tail: bytes | memoryview) -> Body:
        for key in document:
            if key not in ("id", "parameters", "inputs", "outputs"):
                raise BadRequest("SW1518", f"unknown key {key[:80]!r} in a V2 request")
        values, wanted = v2.read(document, tail, self._outputs)
        return Body(values, Asked("v2", v2=wanted))

    def _v2_binary(self, data: Bytes, length: str) -> Body:
        head, tail = v2.split(data, length)
        document = jsonbody.decode(head)
        if not isinstance(document, dict):
            raise BadRequest("SW1518", f"the JSON before the binary data is {_what(document)}, not an object")
        return self._v2(document, tail)

    def _binary(self, kind: str, data: Bytes) -> Mapping[str, Any]:
        """The values of a body that is no JSON."""
        if not data and kind in _BINARY_TYPES:
            raise BadRequest("SW1510", "the body is empty")
        if kind == "application/x-npy":
            return {self._data_name(): npy.read_npy(data, self._only)}
        if kind == "application/x-npz":
            return npy.read_npz(data, self._limits.body)
        if kind in IMAGE_TYPES and self._image is not None:
            return {self._names[0]: self._image.read(data)}
        if self._free:
            return {}
        raise BadRequest("SW1513", self._not_supported(kind))

    def _not_supported(self, kind: str) -> str:
        if kind in IMAGE_TYPES:
            return "this service takes no images; it needs `image` in the deploy file"
        if kind == "application/octet-stream":
            return "application/octet-stream is taken with the header Inference-Header-Content-Length (V2 binary) only"
        images = ", image/jpeg, image/png" if self._image is not None else ""
        takes = f"application/json, application/x-npy, application/x-npz, V2 binary{images}"
        return f"the content type {kind[:80]!r} is not supported; this service takes {takes}"

    def _data_name(self) -> str:
        """The input that ``data`` means."""
        if self._only is not None:
            return self._only
        if self._free:
            return "data"
        raise BadRequest("SW1512", f"`data` is for models with one input, this one has several; {self._usage()}")

    def _refuse_names(self, values: Mapping[str, Any]) -> None:
        """Raise `BadRequest` (SW1515) for names that are not the inputs'."""
        for name in values:
            if name not in self._inputs:
                text = f"there is no input {name[:80]!r}{nearest(name, self._names)}; {self._usage()}"
                raise BadRequest("SW1515", text, name[:80])
        for name in self._names:
            if name not in values:
                raise BadRequest("SW1515", f"the input {name!r} is missing; {self._usage()}", name)

    def _usage(self) -> str:
        inputs = ", ".join(f"{spec.name} ({spec.describe()})" for spec in self._signature.inputs)
        if self._only is not None:
            return f'send {{"data": rows}} for the input {inputs}'
        return f'send {{"inputs": {{name: rows}}}} for the inputs {inputs}'

    def _asked(self, form: str, array: str) -> Asked:
        if array == "npy" and self._outputs is not None and len(self._outputs) > 1:
            raise BadRequest("SW1513", "there are several outputs; ask for application/x-npz instead of x-npy")
        return Asked(form, array) if array else _ASKED[form]


def _only_key(document: Mapping[str, Any], wanted: str) -> None:
    for key in document:
        if key != wanted:
            text = f"unknown key {key[:80]!r} beside `{wanted}`{nearest(key, ['data', 'inputs'])}"
            raise BadRequest("SW1512", text)


def _what(value: object) -> str:
    kinds = {list: "a list", str: "a string", bool: "true or false", type(None): "null", dict: "an object"}
    return kinds.get(type(value), "a number")
