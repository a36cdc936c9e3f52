"""Proposals for inputs and outputs of models whose file does not say them, from samples and the weights' shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.signature import DTYPES, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .tensors import StoredTensor


def guess_inputs(
    names: Sequence[str], samples: Sequence[StoredTensor], stored: Mapping[str, StoredTensor]
) -> tuple[TensorSpec, ...]:
    """One input per name: as the model was traced, with the first axis open; else what the first weights take."""
    guessed = []
    for number, name in enumerate(names):
        sample = samples[number] if number < len(samples) else None
        if sample is not None and sample.dtype in DTYPES:
            guessed.append(TensorSpec(name, sample.dtype, (None, *sample.shape[1:])))
        else:
            guessed.append(TensorSpec(name, _dtype(stored), _first_input(stored)))
    return tuple(guessed)


def guess_outputs(count: int, stored: Mapping[str, StoredTensor]) -> tuple[TensorSpec, ...]:
    """Outputs of the width that the last layer's weights have."""
    names = ["output"] if count == 1 else [f"output_{number}" for number in range(count)]
    weights = [found.shape for key, found in stored.items() if key.endswith("weight") and len(found.shape) == 2]
    return tuple(TensorSpec(name, _dtype(stored), (None, weights[-1][0] if weights else None)) for name in names)


def _dtype(stored: Mapping[str, StoredTensor]) -> str:
    """What the weights compute in, float32 where that is not served."""
    found = next((one.dtype for key, one in stored.items() if key.endswith("weight")), "")
    return found if found.startswith("float") and found in DTYPES else "float32"


def _first_input(stored: Mapping[str, StoredTensor]) -> tuple[int | None, ...]:
    for key, found in stored.items():
        if key.endswith("weight") and len(found.shape) >= 2:
            return (None, found.shape[1], *[None] * (len(found.shape) - 2))
    return (None, None)
