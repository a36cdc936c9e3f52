"""The configuration that a bundle's score.py holds as one literal: plain values, the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import ModelError, ScorewrightError

if TYPE_CHECKING:
    from pathlib import Path

    from .findings import Json
    from .resolve import ResolvedService
    from .spec.models import Image, ServiceSpec


def config(service: ResolvedService) -> dict[str, Json]:
    """The keys that docs/internals.md lists. Raises `ScorewrightError` for a signature or a label file that is missing.

    Nothing in it depends on the target, the machine or the place of the user's files.
    """
    spec = service.spec
    signature = service.inspection.signature
    if signature is None:
        steps = ["scorewright check says what to write in the deploy file"]
        raise ModelError("SW1602", f"the inputs and outputs of {service.name} are not known", steps=steps)
    return {
        "service": service.name,
        "model": {"name": service.model_name, "file": spec.model.path.name if spec.model.path else None},
        "framework": service.framework.name,
        "format": service.detection.format,
        "options": dict(service.options),
        "gpu": spec.gpu or "require",
        "gpu_explicit": spec.gpu is not None,
        "signature": signature.to_dict(),
        "outputs": None if spec.outputs is None else list(spec.outputs),
        "output": _output(spec),
        "image": None if spec.image is None else _image(spec.image),
        "handler": None if spec.handler is None else "handler.py",
        "batching": _batching(spec),
        "lane": spec.serving.lane,
        "timeout_ms": spec.timeout_ms,
        "cpus": float(spec.resources.cpu),
        "load": dict(service.inspection.load),
    }


def read_labels(path: Path) -> list[str]:
    """The labels of a label file, one per line. Raises `ScorewrightError` (SW1603) if it cannot be read."""
    text = read(path).decode("utf-8-sig", errors="strict").rstrip()
    return [line.strip() for line in text.split("\n")] if text else []


def read(path: Path) -> bytes:
    """The bytes of a user's file. Raises `ScorewrightError` (SW1603) if it cannot be read or is not UTF-8 text."""
    try:
        data = path.read_bytes()
        data.decode()
    except OSError as error:
        cause = f"{type(error).__name__}: {error.strerror or error}"
        raise ScorewrightError("SW1603", f"{path} cannot be read", cause=cause) from error
    except UnicodeDecodeError as error:
        raise ScorewrightError("SW1603", f"{path} is not UTF-8 text", cause=str(error)) from error
    return data


def _output(spec: ServiceSpec) -> Json:
    if isinstance(spec.output, str):
        return spec.output
    labels: list[Json] | None = None if spec.output.labels is None else [*read_labels(spec.output.labels)]
    return {"top_k": spec.output.top_k, "softmax": spec.output.softmax, "labels": labels}


def _batching(spec: ServiceSpec) -> Json:
    if not spec.batching:
        return False
    return {"max_batch_size": spec.batching.max_batch_size, "max_delay_ms": float(spec.batching.max_delay_ms)}


def _image(image: Image) -> dict[str, Json]:
    return {
        "size": [*image.size],
        "mode": image.mode,
        "scale": float(image.scale),
        "mean": _numbers(image.mean),
        "std": _numbers(image.std),
        "layout": image.layout,
    }


def _numbers(value: float | list[float] | None) -> Json:
    # A default may be an int and a parsed value a float; one form keeps the bytes the same.
    if value is None:
        return None
    return [float(item) for item in value] if isinstance(value, list) else float(value)
