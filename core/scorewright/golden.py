"""The golden request: a service counts as ready only when it has answered it as it must, on the device asked for.

The request is the user's sample, or one of zeros made from the signature; `answers` says when two answers agree.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .answers import difference, misshapen
from .client import JSON, ServiceClient
from .errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .client import Answer
    from .findings import Json
    from .signature import Signature, TensorSpec
    from .spec.models import ServiceSpec
    from .target import Endpoint

_LENGTHS = (1, 8, 32, 224)
REHEARSED = "cpu (rehearsal)"
"""The device that stands for a GPU where a deployment is rehearsed."""

CONTENT_TYPES = {
    ".json": JSON,
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
"""What a sample's file is sent as, by its suffix."""


@dataclass(frozen=True)
class GoldenRequest:
    """What is sent and what must come back.

    ``expect``: the answer, decoded; None takes any answer of the right shape. ``outputs``: what an answer must hold,
    None where a handler or ``output:`` makes something else of it. ``gpu``: ``require`` demands a GPU's name.
    ``model``: the name of the model that must answer, empty for any. ``others``: bodies to try in turn where the
    service refuses ``body``.
    """

    body: bytes
    content_type: str
    expect: Json = None
    outputs: tuple[TensorSpec, ...] | None = None
    gpu: str = "off"
    model: str = ""
    timeout: float = 60.0
    others: tuple[bytes, ...] = ()

    def verify(self, endpoint: Endpoint, *, patience: float = 10.0) -> None:
        """Send the request and return if all is as it must be.

        A service that is not there yet (no connection, 502, 503) is asked again for ``patience`` seconds. Raises
        `DeploymentError`: SW1720 no answer, SW1711 refused, SW1712 another answer than expected, SW1713 the wrong
        device, SW1714 not a service of ours.
        """
        with ServiceClient(endpoint, timeout=self.timeout + 5) as client:
            answer = self._ask(client, patience)
        name = endpoint.service
        if answer.status != 200:
            summary = f"{name} answered the golden request with {answer.status}"
            raise DeploymentError("SW1711", summary, cause=answer.message(), steps=[_LOGS.format(name)])
        self._check_headers(name, answer)
        got = answer.json()
        problem, expected = misshapen(got, self.outputs), False
        if problem is None and self.expect is not None:
            problem, expected = difference(self.expect, got), True
        if problem is not None:
            summary = f"{name} answered the golden request with something else"
            raise DeploymentError("SW1712", summary, cause=problem, steps=[_IF_RIGHT[expected]])

    def _ask(self, client: ServiceClient, patience: float) -> Answer:
        """The answer to the first body that is not refused, else to the first body."""
        answer = refusal = _patiently(client, self.body, self.content_type, patience)
        for body in self.others:
            if answer.status == 200:
                break
            answer = _patiently(client, body, self.content_type, patience)
        return answer if answer.status == 200 else refusal

    def _check_headers(self, name: str, answer: Answer) -> None:
        model = answer.headers.get("x-scorewright-model", "")
        if not model or (self.model and model.rpartition(":")[0] != self.model):
            wanted = f"; it should name {self.model}" if self.model else ""
            cause = f"the header x-scorewright-model of its answer is {model or 'missing'}{wanted}"
            raise DeploymentError("SW1714", f"what answers for {name} is not its bundle", cause=cause)
        device = answer.headers.get("x-scorewright-device", "nothing")
        if self.gpu == "require" and not device.startswith("cuda") and device != REHEARSED:
            raise DeploymentError(
                "SW1713",
                f"{name} does not run on a GPU",
                cause=f"gpu is 'require' and the service says it runs on {device}",
                steps=[_LOGS.format(name), "or allow the CPU with gpu: prefer"],
            )


def golden_request(service: ServiceSpec, signature: Signature | None, gpu: str, *, model: str = "") -> GoldenRequest:
    """The golden request of a service. ``gpu``: the policy on the target. ``model``: the registered name of the model
    that must answer, empty for any.

    Raises `DeploymentError` (SW1710) if the sample cannot be read, or if there is none and the signature is unknown.
    """
    expect = None
    if service.sample is None:
        if signature is None:
            raise DeploymentError("SW1710", "there is no golden request", cause="no sample, and no known signature")
        content_type = JSON
        body, *others = requests_of_zeros(signature)
    else:
        body, content_type = read_sample(service.sample.input)
        others = []
        expect = None if service.sample.expect is None else _decode(service.sample.expect)
    return GoldenRequest(
        body=body,
        content_type=content_type,
        expect=expect,
        outputs=_outputs(service, signature),
        gpu=gpu,
        model=model,
        timeout=service.timeout_ms / 1000,
        others=tuple(others),
    )


def read_sample(path: Path) -> tuple[bytes, str]:
    """The bytes of a sample and what they are sent as.

    Raises `DeploymentError` (SW1710) if it cannot be read or its suffix is not in `CONTENT_TYPES`.
    """
    content_type = CONTENT_TYPES.get(path.suffix.lower())
    if content_type is None:
        cause = f"{path.name} ends in none of {', '.join(CONTENT_TYPES)}"
        raise DeploymentError("SW1710", "the sample is of no known kind", cause=cause)
    return _read(path), content_type


def requests_of_zeros(signature: Signature) -> Iterator[bytes]:
    """JSON requests that the signature allows: zeros and empty strings, one row.

    Where further axes are open there are several, of different lengths: a model may need a least length that its
    signature does not say.
    """
    open_axes = any(None in (tensor.shape or (None, None))[1:] for tensor in signature.inputs)
    for length in _LENGTHS if open_axes else _LENGTHS[:1]:
        inputs: dict[str, Json] = {}
        for tensor in signature.inputs:
            inputs[tensor.name] = _zeros(tensor.dtype, _closed(tensor.shape, length))
        yield json.dumps({"inputs": inputs}).encode()


def _patiently(client: ServiceClient, body: bytes, content_type: str, patience: float) -> Answer:
    deadline = time.monotonic() + patience
    pause = 0.1
    while True:
        try:
            answer = client.send(body, content_type)
        except DeploymentError:
            if time.monotonic() + pause > deadline:
                raise
        else:
            if answer.status not in (502, 503) or time.monotonic() + pause > deadline:
                return answer
        time.sleep(pause)
        pause = min(pause * 2, 1.0)


def _outputs(service: ServiceSpec, signature: Signature | None) -> tuple[TensorSpec, ...] | None:
    if signature is None or service.handler is not None or service.output != "raw":
        return None
    return tuple(tensor for tensor in signature.outputs if service.outputs is None or tensor.name in service.outputs)


def _closed(shape: tuple[int | None, ...] | None, length: int) -> list[int]:
    """A shape without open axes: one row, ``length`` for every further open axis."""
    if shape is None:
        return [1]
    return [(length if axis else 1) if size is None else size for axis, size in enumerate(shape)]


def _zeros(dtype: str, shape: list[int]) -> Json:
    if not shape:
        empty: dict[str, Json] = {"string": "", "bool": False}
        return empty.get(dtype, 0)
    return [_zeros(dtype, shape[1:]) for _ in range(shape[0])]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        cause = f"{type(error).__name__}: {error.strerror or error}"
        raise DeploymentError("SW1710", f"the sample {path} cannot be read", cause=cause) from error


def _decode(path: Path) -> Json:
    try:
        decoded: Json = json.loads(_read(path))
    except ValueError as error:
        raise DeploymentError("SW1710", f"{path} is not JSON", cause=str(error)) from error
    return decoded


_IF_RIGHT = {
    True: "if the new answer is right, write it to the file that sample.expect names",
    False: "if the answer is right, say so: give `outputs` of the service the names, dtypes and shapes it has",
}
_LOGS = "see what it wrote: scorewright logs {}"
