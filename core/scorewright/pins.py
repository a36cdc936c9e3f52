"""Chooses a minor of a framework and a Python for it, from a plugin's short table of what is served today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .framework import ResolveRequest

PREFERRED_PYTHON = "3.12"
BASE_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1"
"""Azure ML's own image without CUDA (glibc 2.35): all frameworks here bring CUDA as packages, the node its driver."""

GPU_VARIABLES = {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
"""What an image without CUDA does not say of itself: that the container needs the driver's compute libraries."""


@dataclass(frozen=True)
class Pick:
    """What was chosen. ``release``: a specifier's version, exact or of a minor (``2.21.0``, ``2.21.*``)."""

    version: str
    release: str
    python: str
    pythons: tuple[str, ...]
    choices: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def pick(request: ResolveRequest, framework: str, minors: Mapping[str, tuple[str, ...]]) -> Pick:
    """Choose a version and a Python.

    ``minors``: each minor served, oldest first, with the Pythons it has wheels for. The version asked for counts even
    where the table does not know it (then a warning says so); without one, the newest counts.
    """
    newest = list(minors)[-1]
    version = request.version or newest
    minor = ".".join(version.split(".")[:2])
    findings: list[Finding] = []
    if minor not in minors:
        findings.append(_unknown(framework, version, minors))
    pythons = minors.get(minor, minors[newest])
    python = request.python or (PREFERRED_PYTHON if PREFERRED_PYTHON in pythons else pythons[-1])
    if python not in pythons:
        findings.append(_python(framework, version, python, pythons))
    release = version if version.count(".") >= 2 else f"{version}.*"
    why = "asked for" if request.version else "the newest that is served"
    choices = (f"{framework} {version}: {why}", f"Python {python}: {framework} {version} has it")
    return Pick(version, release, python, pythons, choices, tuple(findings))


def _unknown(framework: str, version: str, minors: Mapping[str, tuple[str, ...]]) -> Finding:
    message = f"{framework} {version} is not among the versions known here ({', '.join(minors)})"
    hint = "it is used as asked; whether it fits Python, CUDA and the GPU is not checked"
    return Finding(Level.WARNING, "SW1216", message, hint=hint, path="framework.version")


def _python(framework: str, version: str, python: str, pythons: tuple[str, ...]) -> Finding:
    message = f"{framework} {version} has no wheel for Python {python}; it has {', '.join(pythons)}"
    return Finding(Level.ERROR, "SW1216", message, hint=f"use Python {pythons[-1]}", path="framework.version")
