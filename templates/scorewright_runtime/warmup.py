"""The first calls of a loaded model, made before any caller waits: they prove that it works, and make it fast."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from .errors import RequestError, StartError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .types import Arrays, Model, Signature, TensorSpec

log = logging.getLogger("azmlinfsrv.scorewright")

_TRIES = (1, 8, 32, 224)
"""Lengths tried for axes that are open apart from the batch: models may need a least length that no signature says."""


def blank(signature: Signature, rows: int, length: int) -> Arrays | None:
    """Inputs of zeros and empty strings: ``rows`` of them, open axes of the given length; None where a rank is open."""
    arrays: Arrays = {}
    for spec in signature.inputs:
        if spec.shape is None:
            return None
        shape = [length if size is None else size for size in spec.shape]
        if signature.batch and shape:
            shape[0] = rows
        elif shape and spec.shape[0] is None:
            shape[0] = 1
        arrays[spec.name] = np.zeros(shape, spec.numpy) if spec.numpy.kind != "O" else np.full(shape, "", dtype=object)
    return arrays


def warm_up(model: Model, signature: Signature, sizes: Sequence[int]) -> Arrays | None:
    """Call the model once for each number of rows, and return the first call's outputs.

    None where the signature leaves shapes open and no guess was right; then the first request is the first call.
    Raises `StartError` (SW1504) where shapes are known and the model fails, whatever it raises.
    """
    open_axes = any(spec.shape is None or None in spec.shape[1:] for spec in signature.inputs)
    for length in _TRIES if open_axes else _TRIES[:1]:
        inputs = blank(signature, sizes[0], length)
        if inputs is None:
            break
        try:
            outputs = model.predict(inputs)
            for rows in sizes[1:]:
                model.predict(blank(signature, rows, length) or inputs)
        except StartError:  # such as outputs of other names: no other input makes up for it
            raise
        except Exception as error:  # frameworks raise anything
            if not open_axes:
                said = error.message if isinstance(error, RequestError) else repr(error)
                text = f"the model fails on inputs built from its own signature: {said}"
                raise StartError("SW1504", text) from error
            log.debug("warm-up with open axes of length %d failed: %r", length, error)
            continue
        return outputs
    log.warning("the model was not warmed up: its signature leaves shapes open and no guess was right")
    return None


def check_outputs(outputs: Arrays, expected: Sequence[TensorSpec], names: Sequence[str] | None) -> None:
    """Hold real outputs against what was promised. ``names``: the outputs that the deploy file asks for.

    Raises `StartError` (SW1505) where one is missing; another dtype or shape than promised is logged.
    """
    for name in names if names is not None else [spec.name for spec in expected]:
        if name not in outputs:
            raise StartError("SW1505", f"the model has no output {name!r}; it has {', '.join(map(repr, outputs))}")
    for spec in expected:
        array = outputs.get(spec.name)
        if array is not None and not _matches(array, spec):
            shape = f"{array.dtype} {list(array.shape)}"
            log.warning("the output %s is %s, its signature says %s", spec.name, shape, spec.describe())


def rows_run_together(outputs: Arrays, rows: int) -> bool:
    """Whether every output has one entry per row, so that a call may be split."""
    return all(array.ndim > 0 and array.shape[0] == rows for array in outputs.values())


def rows_stay_apart(model: Model, signature: Signature) -> bool:
    """Whether a row is answered the same beside one with numbers a hundred times larger as it is alone.

    It is not where a model looks at its rows as a whole: dynamic quantisation scales by the largest of all numbers.
    True also where nothing can be learnt, because shapes are open or the model takes no made-up numbers.
    """
    pair = blank(signature, 2, 8)
    if pair is None:
        return True
    numbers = np.random.default_rng(0)
    for array in pair.values():
        if array.dtype.kind == "f":
            array[:1] = numbers.random(array[:1].shape)
            array[1:] = numbers.random(array[1:].shape) * 100
    try:
        beside = model.predict(pair)
        alone = model.predict({name: array[:1] for name, array in pair.items()})
    except Exception as error:  # frameworks raise anything, and made-up numbers need not suit the model
        log.debug("nothing learnt of rows beside each other: %r", error)
        return True
    return all(_alike(array[:1], alone[name]) for name, array in beside.items())


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two answers of floating-point numbers are the same but for rounding; others are not looked at."""
    if one.dtype.kind != "f" or other.size == 0:
        return True
    if one.shape != other.shape:
        return False
    slack = 0.01 * float(np.nanmax(np.abs(other), initial=1e-6))
    return bool(np.allclose(one, other, rtol=0, atol=slack, equal_nan=True))


def _matches(array: np.ndarray, spec: TensorSpec) -> bool:
    if array.dtype.kind not in "OUSV" and array.dtype != spec.numpy:
        return False
    if spec.shape is None:
        return True
    return array.ndim == len(spec.shape) and all(
        want is None or want == have for want, have in zip(spec.shape, array.shape)
    )
