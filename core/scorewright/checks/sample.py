"""The sample of the golden request: taken apart here by the very code that will take it apart in the container."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from scorewright.errors import ScorewrightError
from scorewright.golden import read_sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding
    from scorewright.resolve import ResolvedService
    from scorewright.signature import Signature
    from scorewright_runtime import Signature as RuntimeSignature
    from scorewright_runtime.images import ImageReader
    from scorewright_runtime.limits import Limits

    from .context import CheckContext


def samples(context: CheckContext) -> Iterator[Finding]:
    """Samples that cannot be read, and samples and image settings that the service would refuse."""
    for name, service in context.spec.services.items():
        resolved = context.resolved.services.get(name)
        sample = None
        if service.sample is not None:
            try:
                sample = read_sample(service.sample.input)
            except ScorewrightError as error:
                at = ("services", name, "sample", "input")
                yield context.finding("SW1405", f"{error.summary}: {error.cause}", *at)
        if resolved is not None and resolved.inspection.signature is not None and service.handler is None:
            # What a handler does with a body is only known when it runs.
            yield from _refusals(context, resolved, resolved.inspection.signature, sample)


def _refusals(
    context: CheckContext, service: ResolvedService, signature: Signature, sample: tuple[bytes, str] | None
) -> Iterator[Finding]:
    # The runtime needs numpy, so it is loaded only where there is something to take apart.
    import scorewright_runtime as runtime
    from scorewright_runtime.limits import Limits
    from scorewright_runtime.parsing import Parser

    limits = Limits()
    tensors = runtime.Signature.from_dict(signature.to_dict())
    try:
        reader = _image_reader(service, tensors, limits)
    except runtime.StartError as error:
        yield context.finding("SW1407", error.message, "services", service.name, "image")
        return
    if sample is None or _needs_pillow(sample[1]):
        return
    body, content_type = sample
    try:
        Parser(tensors, limits, reader).parse(runtime.Request("POST", {"content-type": content_type}, body))
    except runtime.BadRequest as error:
        text = f"the service would refuse the sample: {error.message}"
        yield context.finding("SW1406", text, "services", service.name, "sample", "input")


def _image_reader(service: ResolvedService, tensors: RuntimeSignature, limits: Limits) -> ImageReader | None:
    from scorewright_runtime import StartError
    from scorewright_runtime.images import ImageReader

    image = service.spec.image
    if image is None:
        return None
    if len(tensors.inputs) != 1:
        raise StartError("SW1506", f"images are for models with one input, this one has {len(tensors.inputs)}")
    return ImageReader(image.model_dump(mode="json"), tensors.inputs[0], limits.pixels)


def _needs_pillow(content_type: str) -> bool:
    return content_type.startswith("image/") and importlib.util.find_spec("PIL") is None
