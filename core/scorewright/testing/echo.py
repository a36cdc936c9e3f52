"""A framework for tests: its models multiply. It needs no package but numpy, and its bundles run for real.

A model is a JSON file that ends in ``.echo``. `write_model` makes one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scorewright.errors import ModelError
from scorewright.findings import Finding, Level
from scorewright.framework import Detection, Framework, Inspection, Resolution, Script
from scorewright.hookspecs import hookimpl
from scorewright.rendering import literal, yaml
from scorewright.signature import Signature, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scorewright.findings import Json
    from scorewright.framework import DetectRequest, InspectRequest, ResolveRequest, ScriptRequest

PYTHONS = ("3.11", "3.12", "3.13", "3.14")

_SCORE = '''\
"""Serves a model that multiplies; for tests."""

import json

from azureml_inference_server_http.api.aml_request import rawhttp
from scorewright_runtime import Service

CONFIG = @CONFIG@


class Echo:
    device = "cpu"

    def __init__(self, path, config):
        self.model = json.loads(path.read_text())
        self.output = config["signature"]["outputs"][0]["name"]
        if self.model["fails"] == "init":
            raise RuntimeError("this model fails when it is loaded")

    def predict(self, inputs):
        (values,) = inputs.values()
        return {self.output: values * values.dtype.type(self.model["scale"])}


service = Service(CONFIG, Echo)


def init():
    service.start()


@rawhttp
def run(request):
    return service.run(request)
'''


def write_model(path: Path, *, scale: float = 2.0, width: int = 3, signed: bool = True, fails: str = "") -> Path:
    """Write a model of one input ``x`` and one output ``y``, float32 [any, ``width``], that answers ``scale * x``.

    ``signed``: whether the file says its signature. ``fails``: ``init`` makes a service fail when it loads the model.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"scale": scale, "width": width if signed else None, "fails": fails}))
    return path


def detect(request: DetectRequest) -> Detection | None:
    """A file that ends in ``.echo``."""
    if request.path.is_file() and request.path.suffix == ".echo":
        return Detection("echo", "its name ends in .echo")
    return None


def inspect(request: InspectRequest) -> Inspection:
    """The signature from the file, or else from the deploy file. Raises `ModelError` if the file is damaged."""
    try:
        model = json.loads(request.path.read_bytes())
        width: int | None = model["width"]
        load: dict[str, Json] = {"scale": float(model["scale"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError("SW1285", f"{request.path.name} is no echo model", cause=str(error)) from error
    if width is not None:
        tensors = tuple(TensorSpec(name, "float32", (None, width)) for name in ("x", "y"))
        return Inspection(Signature(tensors[:1], tensors[1:], batch=True), written_by="1.0", load=load)
    if request.inputs is None or request.outputs is None:
        hint = "inputs: {x: {shape: [null, 3]}}\noutputs: {y: {shape: [null, 3]}}"
        finding = Finding(Level.ERROR, "SW1213", "the file does not say its signature", hint=hint, path="inputs")
        return Inspection(None, load=load, findings=(finding,))
    return Inspection(Signature(request.inputs, request.outputs, batch=True), load=load)


def resolve(request: ResolveRequest) -> Resolution:
    """No package at all, on any Python."""
    return Resolution(
        version=request.version or "1.0",
        python=request.python or PYTHONS[0],
        pythons=PYTHONS,
        requirements=(),
        image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1",
    )


def script(request: ScriptRequest) -> Script:
    """A score script that runs in Azure's scoring server."""
    head, tail = _SCORE.split("@CONFIG@")
    return Script(score=head + literal(dict(request.config)) + tail, conda=yaml(dict(request.conda)) + "\n")


ECHO = Framework("echo", "Multiplies; for tests.", detect=detect, inspect=inspect, resolve=resolve, script=script)


@hookimpl
def scorewright_frameworks() -> Iterable[Framework]:
    """This module is a plugin, too: register it with a `PluginManager`."""
    return [ECHO]
