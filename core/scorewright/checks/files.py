"""The user's files that a bundle or a golden request is made of: there, readable, and of the right kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scorewright.bundle_config import read, read_labels
from scorewright.errors import ScorewrightError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scorewright.findings import Finding

    from .context import CheckContext


def labels(context: CheckContext) -> Iterator[Finding]:
    """Label files that cannot be read, and label files with fewer labels than the model has classes."""
    for name, service in context.spec.services.items():
        if isinstance(service.output, str) or service.output.labels is None:
            continue
        at = ("services", name, "output", "labels")
        try:
            found = read_labels(service.output.labels)
        except ScorewrightError as error:
            yield context.finding("SW1401", f"{error.summary}: {error.cause}", *at)
            continue
        classes = _classes(context, name)
        if classes is not None and len(found) != classes:
            yield context.finding("SW1402", f"there are {len(found)} labels for {classes} classes", *at)


def expected_answers(context: CheckContext) -> Iterator[Finding]:
    """Files of expected answers that are missing or no JSON."""
    for name, service in context.spec.services.items():
        if service.sample is not None and service.sample.expect is not None:
            problem = _no_json(service.sample.expect)
            if problem is not None:
                yield context.finding("SW1401", problem, "services", name, "sample", "expect")


def _classes(context: CheckContext, service: str) -> int | None:
    """The length of the last axis of a service's answer, where it is known."""
    resolved = context.resolved.services.get(service)
    signature = resolved.inspection.signature if resolved else None
    if signature is None:
        return None
    wanted = context.spec.services[service].outputs
    answered = [tensor for tensor in signature.outputs if wanted is None or tensor.name in wanted]
    shape = answered[0].shape if len(answered) == 1 else None
    return shape[-1] if shape else None


def _no_json(path: Path) -> str | None:
    try:
        json.loads(read(path))
    except ScorewrightError as error:
        return f"{error.summary}: {error.cause}"
    except ValueError as error:
        return f"{path} is not JSON: {error}"
    return None
