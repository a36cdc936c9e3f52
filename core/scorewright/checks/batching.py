"""Whether batching can do for a service what the deploy file asks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.findings import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding

    from .context import CheckContext


def fixed_batches(context: CheckContext) -> Iterator[Finding]:
    """Models that take one number of rows and no other: requests for them cannot run together."""
    for name, resolved in context.resolved.services.items():
        service, signature = resolved.spec, resolved.inspection.signature
        if not service.batching or signature is None or signature.batch:
            continue
        shapes = [tensor.shape for tensor in signature.inputs]
        # A single axis is no batch: it may well be a vector.
        rows = {shape[0] for shape in shapes if shape is not None and len(shape) > 1}
        if len(rows) != 1 or None in rows:
            continue
        (count,) = rows
        message = f"the model of {name} takes exactly {count} row{'' if count == 1 else 's'}, so nothing is batched"
        hint = "save the model with an open first axis (null); or say batching: false"
        asked = "batching" in service.model_fields_set
        level = Level.WARNING if asked else Level.INFO
        yield context.finding("SW1443", message, "services", name, "batching", hint=hint, level=level)
