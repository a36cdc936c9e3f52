"""Runs each sample through its model on this machine, before anything is deployed, where the framework is installed.

The very bundle runs, in a process of its own and without a server: ``init()``, then the golden request. It is done only
when asked for (``scorewright check --run``), because it runs the user's own code and takes seconds per service.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from .answers import difference, misshapen
from .bundle import build
from .errors import ScorewrightError
from .findings import Finding, Level
from .golden import golden_request
from .resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .bundle import Bundle
    from .golden import GoldenRequest
    from .plugins import PluginManager
    from .resolve import ResolvedService
    from .spec.models import Spec

SECONDS = 300
_HARNESS = """
import base64, json, sys
from pathlib import Path
job = json.loads(Path(sys.argv[1]).read_text())
sys.path.insert(0, job["source"])
import score
from scorewright_runtime import Request
score.init()
for body in job["bodies"]:
    reply = score.service.answer(Request("POST", {"content-type": job["type"]}, base64.b64decode(body)))
    if reply.status == 200:
        break
answer = {"status": reply.status, "body": base64.b64encode(bytes(reply.body)).decode()}
Path(job["answer"]).write_text(json.dumps(answer))
"""


def try_out(spec: Spec, plugins: PluginManager) -> Iterator[Finding]:
    """Run every service that can be run here, and say what went wrong and what was not run."""
    resolved = resolve(spec, plugins)
    for name, service in resolved.services.items():
        at = f"services.{name}.sample" if service.spec.sample else f"services.{name}"
        place = spec.origin.locate(*at.split("."))
        for level, code, message, hint in _tried(service):
            yield Finding(level, code, f"{name}: {message}", hint, at, place)


def _tried(service: ResolvedService) -> Iterator[tuple[Level, str, str, str | None]]:
    if service.spec.model.path is None:
        yield Level.INFO, "SW1442", "not run: a registered model is not here", None
        return
    lacks = missing(service)
    if lacks is not None:
        yield Level.INFO, "SW1442", f"not run: {lacks} is not installed here", None
        return
    try:
        bundle = build(service)
        request = golden_request(service.spec, service.inspection.signature, "off", model=service.model_name)
    except ScorewrightError:
        return  # the checks tell
    problem = run(bundle, request)
    if problem is not None:
        code, message = problem
        hint = "see it as the service would: scorewright up -t local, scorewright logs" if code == "SW1440" else None
        yield Level.ERROR, code, message, hint


def missing(service: ResolvedService) -> str | None:
    """The first package of the framework that this environment lacks in every form, None if it has all."""
    for one in service.resolution.requirements:
        names = [Requirement(one.cpu).name, Requirement(one.gpu).name, *one.same_as]
        if not any(_installed(name) for name in names):
            return names[0]
    return None


def run(bundle: Bundle, request: GoldenRequest) -> tuple[str, str] | None:
    """Run a bundle and compare its answer; a code and what is wrong, or None if all is well."""
    with tempfile.TemporaryDirectory(prefix="scorewright-trial-") as name:
        folder = Path(name)
        job = _lay_out(bundle, request, folder)
        command = [sys.executable, "-c", _HARNESS, str(job)]
        try:
            done = subprocess.run(
                command, cwd=folder, env=_environment(bundle, folder), capture_output=True, text=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            return "SW1440", f"init() and one request took more than {SECONDS} s"
        logged = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "")
        if done.returncode != 0:
            return "SW1440", f"it fails when it is run: {logged or f'exit {done.returncode}'}"
        answer = json.loads((folder / "answer.json").read_text())
    return _judge(answer["status"], base64.b64decode(answer["body"]), request, logged)


def _judge(status: int, body: bytes, request: GoldenRequest, logged: str) -> tuple[str, str] | None:
    """``logged``: the last line of the log, which has the exception where the service failed."""
    try:
        got: Any = json.loads(body)
    except ValueError:
        return "SW1441", "its answer to the sample is no JSON"
    if status != 200:
        said = got.get("error", {}).get("message", "") if isinstance(got, dict) else ""
        if status >= 500:
            return "SW1441", f"it fails on the sample with {status}: {said}: {logged}"
        return "SW1441", f"it refuses the sample with {status}: {said}"
    problem = misshapen(got, request.outputs)
    if problem is None and request.expect is not None:
        problem = difference(request.expect, got)
    return None if problem is None else ("SW1441", f"it answers the sample with something else: {problem}")


def _lay_out(bundle: Bundle, request: GoldenRequest, folder: Path) -> Path:
    """Bundle, model and request as the container has them; where the job is described."""
    assert bundle.model_path is not None
    bundle.write(folder / "bundle")
    models = folder / "model"
    models.mkdir()
    (models / bundle.model_path.name).symlink_to(bundle.model_path)
    job = {
        "source": str(folder / "bundle"),
        "type": request.content_type,
        "bodies": [base64.b64encode(body).decode() for body in (request.body, *request.others)],
        "answer": str(folder / "answer.json"),
    }
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    return path


def _environment(bundle: Bundle, folder: Path) -> dict[str, str]:
    variables: Any = bundle.environment["variables"]
    # A GPU is proven on the target; here the CPU stands for it.
    return {
        **os.environ,
        **{key: str(value) for key, value in dict(variables).items() if key != "LD_LIBRARY_PATH"},
        "AZUREML_MODEL_DIR": str(folder / "model"),
        "SCOREWRIGHT_REHEARSAL": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
