"""``scorewright init``: the text of a first deploy file, from model files.

What a model says of itself is written down: as comments where the file will be read again anyway, as keys where it
holds too little and a person must complete them. Every other key is there once, commented, with its description.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from scorewright.errors import ModelError
from scorewright.findings import Location
from scorewright.framework import DetectRequest, InspectRequest
from scorewright.spec.faults import Faults, harmless
from scorewright.spec.models import FrameworkRef, ModelRef, ServiceSpec, Spec
from scorewright.spec.nodes import plain
from scorewright.spec.reader import read_text, whole_text
from scorewright.spec.schema import BESIDE
from scorewright.spec.yamltext import flow, key_text

from .commented import optional_blocks, trailing_keys
from .naming import relative_path, service_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scorewright.findings import Finding
    from scorewright.framework import Detection, Framework, Inspection
    from scorewright.signature import TensorSpec

HEADER = """\
# Scoring services: `scorewright check` looks for mistakes, `scorewright up` brings them up.
# A line that begins with "#" and no space is a key that may be left out, with its default or an example;
# delete the "#" to use it. Paths are relative to this file.
scorewright: 1
"""


class Frameworks(Protocol):
    """What `init` needs of the plugin manager."""

    @property
    def frameworks(self) -> Mapping[str, Framework]:
        """The frameworks by name."""


@dataclass(frozen=True)
class _Service:
    name: str
    path: str
    framework: str
    others: tuple[str, ...]
    detection: Detection
    inspection: Inspection


def init(models: Sequence[Path], plugins: Frameworks, *, folder: Path | None = None, schema: str | None = None) -> str:
    """The text of a commented deploy file with one service for each model; `load` takes it unchanged.

    ``models``: files or folders. ``folder``: where the file will be, for its relative paths; the current one if None.
    ``schema``: what the first line names as the JSON Schema for editors; None is a file beside the deploy file.

    Raises `ModelError` (SW1012) if no framework knows one of the models.
    """
    services: list[_Service] = []
    for model in models:
        services.append(_inspect(model, plugins.frameworks, folder or Path.cwd(), [item.name for item in services]))
    lines = [f"# yaml-language-server: $schema={schema or BESIDE}", *HEADER.splitlines()]
    lines += optional_blocks(Spec, ("scorewright", "services"), "")
    lines += ["", "services:"]
    for number, service in enumerate(services):
        lines += [*([""] if number else []), *_service_lines(service, full=number == 0)]
    return "\n".join(lines) + "\n"


def _inspect(model: Path, frameworks: Mapping[str, Framework], folder: Path, taken: Sequence[str]) -> _Service:
    if not model.exists():
        raise _refused(model, "there is no such file or folder")
    path = relative_path(model, folder)
    if whole_text(path) is None:
        raise _refused(model, "its name is not text, so no YAML file can say it; rename it")
    found = {name: seen for name, item in frameworks.items() if (seen := item.detect(DetectRequest(model)))}
    if not found:
        raise _refused(model, f"none of the frameworks knows it: {', '.join(sorted(frameworks)) or 'none is loaded'}")
    name, *others = found
    inspection = frameworks[name].inspect(InspectRequest(model, found[name].format))
    return _Service(service_name(model, taken), path, name, tuple(others), found[name], inspection)


def _refused(model: Path, reason: str) -> ModelError:
    return ModelError(
        "SW1012",
        f"no service can be made from {harmless(str(model))}",
        cause=reason,
        steps=("Give model files or folders, each in a format that `scorewright plugins` lists.",),
    )


def _service_lines(service: _Service, *, full: bool) -> Iterator[str]:
    yield f"  {key_text(service.name)}:"
    yield from (f"    # {_one_line(line)}" for line in _remarks(service))
    yield "    model:"
    yield f"      path: {flow(service.path)}"
    needs_module = any(finding.path == "model.module" for finding in service.inspection.findings)
    if needs_module:
        yield "      module: network.py  # write here which file defines the network"
    if full:
        yield from trailing_keys(ModelRef, ("path", *(["module"] if needs_module else ())), "      ")
        yield "    framework:"
        yield f"      name: {flow(service.framework)}"
        yield from trailing_keys(FrameworkRef, ("name",), "      ")
    else:
        yield f"    framework: {flow(service.framework)}"
    asked = _asked(service.inspection.findings)
    if asked:
        yield "    # The model's file does not say this; complete or correct it:"
        yield from (f"    {key}: {flow(value)}" for key, value in asked.items())
    if full:
        yield from optional_blocks(ServiceSpec, ("model", "framework", *asked), "    ")


def _remarks(service: _Service) -> Iterator[str]:
    """What was read from the model, one comment each."""
    yield f"{service.framework}, {service.detection.format}: {service.detection.reason}"
    if service.others:
        yield f"also known to: {', '.join(service.others)}"
    signature = service.inspection.signature
    for side, tensors in (("in", signature.inputs), ("out", signature.outputs)) if signature else ():
        yield from (f"{side}: {_tensor(tensor)}" for tensor in tensors)
    for finding in service.inspection.findings:
        yield f"{finding.level} {finding.code}: {finding.message}"
        if finding.hint:
            yield f"  {finding.hint.splitlines()[0]}"


def _tensor(tensor: TensorSpec) -> str:
    shape = "any shape" if tensor.shape is None else flow(list(tensor.shape))
    return f"{key_text(tensor.name)} {tensor.dtype} {shape}"


def _one_line(text: str) -> str:
    """Nothing that a model or a plugin says can end a comment."""
    return "".join(char if char.isprintable() else " " for char in text)


def _asked(findings: Iterable[Finding]) -> dict[str, Any]:
    """The inputs and outputs that a framework asks the user for: the YAML in its hints, where it is sound."""
    asked: dict[str, Any] = {}
    for finding in findings:
        if finding.path not in ("inputs", "outputs") or not finding.hint:
            continue
        text = finding.hint.partition("\n")[2]
        node = read_text(text, Location(Path("hint")), Path.cwd(), Faults(), inline=True)
        values = plain(node) if node is not None else None
        if isinstance(values, dict) and values.keys() <= {"inputs", "outputs"} and _sound(values):
            asked |= values
    return asked


def _sound(values: Mapping[str, object]) -> bool:
    try:
        ServiceSpec.model_validate({"model": {"name": "any"}, **values})
    except ValidationError:
        return False
    return True
