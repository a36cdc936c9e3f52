"""Versions of frameworks and SDKs as installed (none is imported), and whether the package index answers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib import metadata
from typing import TYPE_CHECKING

from .diagnosis import Diagnosis
from .machine import uv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FRAMEWORKS = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-gpu"),
    "pytorch": ("torch",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
}
SDKS = {
    "aiohttp": ("aiohttp",),
    "inference server": ("azureml-inference-server-http",),
    "azureml-core": ("azureml-core",),
    "azure-ai-ml": ("azure-ai-ml",),
}
EXTRAS = {"aiohttp": "local", "azureml-core": "azureml"}


def frameworks() -> Iterator[Diagnosis]:
    """The frameworks in this environment; services may also run in environments of their own."""
    for name, distributions in FRAMEWORKS.items():
        found = installed(distributions)
        yield Diagnosis(name, "ok" if found else "info", found or "not installed here; made on demand")


def sdks() -> Iterator[Diagnosis]:
    """The server and the Azure SDKs in this environment."""
    for name, distributions in SDKS.items():
        found = installed(distributions)
        extra = EXTRAS.get(name)
        fix = f"needed for the target {extra}: pip install 'scorewright[{extra}]'" if extra and not found else None
        yield Diagnosis(name, "ok" if found else "info", found or "not installed here", fix)


def installed(distributions: Sequence[str]) -> str | None:
    """Those of the distributions that are installed, with their versions."""
    versions = []
    for name in distributions:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(versions) or None


def index(timeout: float = 60) -> Iterator[Diagnosis]:
    """Whether the package index answers, asked through the installer so that the user's own configuration counts."""
    with tempfile.TemporaryDirectory() as folder:
        tool = uv()
        if tool:
            ask = [tool, "pip", "install", "--dry-run", "--no-deps", "--no-cache", "--target", folder, "pip"]
        else:
            ask = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, "pip"]
        try:
            answer = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=timeout)
        except subprocess.TimeoutExpired:
            answer = subprocess.CompletedProcess(ask, 1, "", f"no answer within {timeout:.0f} s")
    if answer.returncode == 0:
        yield Diagnosis("package index", "ok", "answers")
    else:
        last = (answer.stderr.strip().splitlines() or ["no answer"])[-1].strip()
        fix = "check the network, the proxy, and the index in pip's or uv's configuration"
        yield Diagnosis("package index", "warning", last, fix)
