"""What the deploy file declares of a model, put together with what the model's file says; for framework plugins.

Where the file holds a signature, `settle` compares the two and fills the gaps. Where it holds none, `undeclared` makes
the finding whose hint is the YAML to write. `batches` says whether rows of several requests may run as one call.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from .findings import Finding, Level
from .signature import Signature, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .framework import InspectRequest

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_YAML_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])


def settle(request: InspectRequest, found: Signature) -> tuple[Signature, tuple[Finding, ...]]:
    """The signature to serve with, and an error for everything that the deploy file says otherwise than the model.

    A declared tensor is the model's tensor of that name (``tensor``, else the key); the only one of either side match
    whatever their names. Declared outputs narrow the outputs to those. A declared length narrows an open axis.
    """
    inputs, wrong_inputs = _side("inputs", request.inputs, found.inputs)
    outputs, wrong_outputs = _side("outputs", request.outputs, found.outputs)
    findings = [*wrong_inputs, *wrong_outputs]
    if request.inputs is not None:
        findings += _left_out(request.inputs, inputs, found.inputs)
    findings += unknown_names(request.output_names, outputs)
    batch = found.batch and batches([*inputs, *outputs], unknown_is_open=True)
    return Signature(inputs, outputs, batch), tuple(findings)


def batches(tensors: Sequence[TensorSpec], *, unknown_is_open: bool = False) -> bool:
    """Whether the first axis of all these tensors is open. ``unknown_is_open``: how to take a tensor of open rank."""
    return bool(tensors) and all(
        unknown_is_open if tensor.shape is None else bool(tensor.shape) and tensor.shape[0] is None
        for tensor in tensors
    )


def unknown_names(names: Iterable[str] | None, outputs: Sequence[TensorSpec]) -> list[Finding]:
    """An error for each listed output name that the model does not have."""
    known = [tensor.name for tensor in outputs]
    return [_unknown("outputs", name, known) for name in names or () if name not in known]


def undeclared(
    message: str, *, inputs: Sequence[TensorSpec] = (), outputs: Sequence[TensorSpec] = (), level: Level = Level.ERROR
) -> Finding:
    """The finding for a model whose file lacks its signature: the hint is the YAML to write, as far as known.

    ``message``: what the file does not say. ``inputs``, ``outputs``: proposals; what is empty is declared already.
    """
    lines = [
        *(["inputs:", *map(_yaml_line, inputs)] if inputs else []),
        *(["outputs:", *map(_yaml_line, outputs)] if outputs else []),
    ]
    hint = "\n".join(["write below the service, corrected where this guess is wrong:", *lines])
    path = "inputs" if inputs else "outputs"
    return Finding(level, "SW1213", message, hint=hint, path=path)


def _side(
    side: str, declared: tuple[TensorSpec, ...] | None, found: tuple[TensorSpec, ...]
) -> tuple[tuple[TensorSpec, ...], list[Finding]]:
    if declared is None:
        return found, []
    settled: list[TensorSpec] = []
    findings: list[Finding] = []
    for wanted in declared:
        tensor = _match(wanted, declared, found)
        if tensor is None:
            findings.append(_unknown(side, wanted.tensor or wanted.name, [known.name for known in found]))
            continue
        findings += _differences(side, wanted, tensor)
        settled.append(_merged(side, wanted, tensor))
    return tuple(settled) if settled else found, findings


def _match(wanted: TensorSpec, declared: tuple[TensorSpec, ...], found: tuple[TensorSpec, ...]) -> TensorSpec | None:
    name = wanted.tensor or wanted.name
    for tensor in found:
        if name in (tensor.name, tensor.tensor):
            return tensor
    return found[0] if len(declared) == len(found) == 1 and wanted.tensor is None else None


def _merged(side: str, wanted: TensorSpec, tensor: TensorSpec) -> TensorSpec:
    """The model's tensor under the declared name; lengths that one of the two leaves open come from the other."""
    shape = tensor.shape
    if shape is None:
        shape = wanted.shape
    elif wanted.shape is not None and len(wanted.shape) == len(shape):
        shape = tuple(theirs if ours is None else ours for ours, theirs in zip(shape, wanted.shape, strict=True))
    inner = tensor.tensor or tensor.name
    return replace(tensor, name=wanted.name, shape=shape, tensor=None if inner == wanted.name else inner)


def _differences(side: str, wanted: TensorSpec, tensor: TensorSpec) -> list[Finding]:
    said = []
    if wanted.dtype != tensor.dtype:
        said.append(f"dtype {wanted.dtype}, the model {tensor.dtype}")
    if wanted.shape is not None and tensor.shape is not None and not _fits(side, wanted.shape, tensor.shape):
        said.append(f"shape {_shape(wanted.shape)}, the model {_shape(tensor.shape)}")
    return [
        Finding(
            Level.ERROR,
            "SW1214",
            f"{side}.{wanted.name}: the deploy file says {difference}",
            hint=f"write what the model says, or leave {side} out:\n{side}:\n{_yaml_line(tensor, wanted.name)}",
            path=f"{side}.{wanted.name}",
        )
        for difference in said
    ]


def _fits(side: str, wanted: tuple[int | None, ...], tensor: tuple[int | None, ...]) -> bool:
    """Whether a declared shape is the model's or a narrower one; an input may not be declared wider."""
    if len(wanted) != len(tensor):
        return False
    pairs = zip(wanted, tensor, strict=True)
    return all(ours is None or theirs == ours or (theirs is None and side == "outputs") for theirs, ours in pairs)


def _left_out(
    declared: Sequence[TensorSpec], settled: Sequence[TensorSpec], found: Sequence[TensorSpec]
) -> list[Finding]:
    """An error for each input of the model that the declaration leaves out: without it nothing runs."""
    named = {tensor.tensor or tensor.name for tensor in (*declared, *settled)}
    missing = [tensor for tensor in found if not named & {tensor.name, tensor.tensor or tensor.name}]
    return [
        Finding(
            Level.ERROR,
            "SW1214",
            f"inputs: the model needs the input {tensor.name!r}, which the deploy file does not name",
            hint=f"add it, or leave inputs out:\ninputs:\n{_yaml_line(tensor)}",
            path="inputs",
        )
        for tensor in missing
    ]


def _unknown(side: str, name: str, known: Sequence[str]) -> Finding:
    near = get_close_matches(name, known, n=1)
    listed = ", ".join(known) or "nothing"
    return Finding(
        Level.ERROR,
        "SW1214",
        f"{side}: the model has no {side[:-1]} {name!r}; it has {listed}",
        hint=f"write {near[0]!r}" if near else f"name one of: {listed}",
        path=side,
    )


def _yaml_line(tensor: TensorSpec, name: str | None = None) -> str:
    key = name or tensor.name
    written = key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _YAML_WORDS else json.dumps(key)
    inner = f", tensor: {json.dumps(tensor.tensor)}" if tensor.tensor not in (None, key) else ""
    shape = _shape((None,) if tensor.shape is None else tensor.shape)
    return f"  {written}: {{dtype: {tensor.dtype}, shape: {shape}{inner}}}"


def _shape(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("null" if length is None else str(length) for length in shape) + "]"
