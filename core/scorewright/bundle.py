"""The bundle: everything that runs in the container, as bytes, with a hash of its content.

`build` is a function from values to a value: no clock, no random number, no absolute path and no order that a file
system or a hash seed decides gets into a file. `render` does all from the spec on.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__
from .bundle_config import config, read
from .bundle_environment import conda, environment, requirements
from .bundle_folder import write_files
from .bundle_parts import parts
from .errors import CheckError, PluginError, ScorewrightError
from .findings import Level
from .framework import ScriptRequest
from .hashing import hash_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable

    from .findings import Json
    from .framework import Inspection, Requirement, Resolution, Script
    from .plugins import PluginManager
    from .resolve import ResolvedService
    from .spec.models import ServiceSpec, Spec

RUNTIME = "scorewright_runtime"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
# Azure's server takes a config.json beside score.py for its own configuration.
_TAKEN = frozenset(["score.py", "conda.yml", "environment.json", "manifest.json", "handler.py", "config.json"])


@dataclass(frozen=True)
class Bundle:
    """One service, ready to run anywhere. Same inputs, same bytes.

    ``files``: every file by its name in the bundle (``score.py``, ``scorewright_runtime/service.py``, ``conda.yml``,
    ``environment.json``, ``manifest.json``). ``hash``: hex SHA-256 over the names and bytes of all files and the
    model's content; it tags the service. ``environment_hash``: over what the image is built from; it names the
    environment. ``model_path``: the file or folder to register, None for a registered model; ``model_hash``: of its
    content. ``environment``: what ``environment.json`` says (``image``, ``python``, ``variables``, ``pip``, ``conda``).
    Its ``repr`` shows no content: a variable may be a secret.
    """

    service: str
    spec: ServiceSpec = field(repr=False)
    framework: str
    format: str
    files: Mapping[str, bytes] = field(repr=False)
    hash: str
    environment_hash: str
    model_path: Path | None
    model_hash: str
    environment: Mapping[str, Json] = field(repr=False)
    manifest: Mapping[str, Json] = field(repr=False)
    inspection: Inspection = field(repr=False)
    resolution: Resolution = field(repr=False)

    @property
    def parts(self) -> dict[str, str]:
        """What the hash stands for, part by part (see `bundle_parts`)."""
        return parts(self.files, self.model_hash)

    def write(self, folder: str | Path) -> Path:
        """Write all files below ``folder``, which is made or must be empty or a bundle, and return it.

        Raises `ScorewrightError` (SW1601) if the folder holds something else.
        """
        return write_files(self.files, Path(folder))


def build(service: ResolvedService) -> Bundle:
    """The bundle of a resolved service.

    Raises `ScorewrightError`: SW1602 where the signature is not known, SW1603 for a user's file that cannot be read,
    SW1604 for a faulty package, SW1605 for a plugin that renders something unusable.
    """
    packages = requirements(service)
    env = environment(service, packages)
    script = _script(service, packages)
    files = _files(service, script, env)
    environment_hash = _hash_files({name: files[name] for name in ("conda.yml", "environment.json")})
    # The manifest tells of the file it is in, so it is not part of what it tells; the version of scorewright is only
    # in the manifest: an upgrade that changes no byte changes no service.
    content = hash_json([_hash_files(files), service.model_hash])
    manifest = _manifest(service, files, packages, content, environment_hash)
    files["manifest.json"] = _json(manifest)
    return Bundle(
        service=service.name,
        spec=service.spec,
        framework=service.framework.name,
        format=service.detection.format,
        files=dict(sorted(files.items())),
        hash=content,
        environment_hash=environment_hash,
        model_path=service.spec.model.path,
        model_hash=service.model_hash,
        environment=env,
        manifest=manifest,
        inspection=service.inspection,
        resolution=service.resolution,
    )


def render(spec: Spec, service: str, *, plugins: PluginManager | None = None) -> Bundle:
    """The bundle of one service of a spec. ``plugins``: default all that are installed.

    Raises `CheckError` with every finding if the service cannot be resolved, and what `build` raises.
    """
    from .plugins import PluginManager
    from .resolve import resolve

    resolved = resolve(spec.only([service]), plugins or PluginManager.load())
    errors = [finding for finding in resolved.findings if finding.level is Level.ERROR]
    if errors:
        raise CheckError("SW1606", f"{service} cannot be rendered", errors)
    return build(resolved.services[service])


def _script(service: ResolvedService, packages: Sequence[Requirement]) -> Script:
    """What the framework's plugin renders, which must at least be Python."""
    name = service.framework.name
    request = ScriptRequest(
        format=service.detection.format,
        config=config(service),
        conda=conda(service, packages),
        inspection=service.inspection,
    )
    try:
        script = service.framework.script(request)
        ast.parse(script.score)
    except ScorewrightError:
        raise
    except Exception as error:  # a plugin may raise anything; it must be named
        cause = f"{type(error).__name__}: {error}"
        raise PluginError("SW1605", f"the plugin of {name!r} rendered no usable score.py", cause=cause) from error
    return script


def _files(service: ResolvedService, script: Script, env: Mapping[str, Json]) -> dict[str, bytes]:
    files = {
        "score.py": script.score.encode(),
        "conda.yml": script.conda.encode(),
        "environment.json": _json(env),
        **dict(_runtime(resources.files(RUNTIME), RUNTIME)),
    }
    if service.spec.handler is not None:
        files["handler.py"] = read(service.spec.handler)
    further = {name: _bytes(path) for name, path in service.inspection.files.items()}
    for name, data in (*further.items(), *script.files.items()):
        _refuse_name(service.framework.name, name, files)
        files[name] = data
    return files


def _runtime(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    """The modules of the runtime by their name in the bundle."""
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _runtime(entry, f"{name}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{name}/{entry.name}", entry.read_bytes()


def _refuse_name(framework: str, name: str, files: Mapping[str, bytes]) -> None:
    # Compared without case: a bundle may be unpacked where a.py and A.py are one file.
    taken = {known.lower() for known in (*files, *_TAKEN)}
    if not _NAME.fullmatch(name) or name.lower() in taken or name.lower().startswith(f"{RUNTIME}/"):
        cause = "a name must be plain, relative, and not one that scorewright or the server uses"
        raise PluginError("SW1605", f"the plugin of {framework!r} adds a file named {name!r}", cause=cause)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        cause = f"{type(error).__name__}: {error.strerror or error}"
        raise ScorewrightError("SW1603", f"{path} cannot be read", cause=cause) from error


def _manifest(
    service: ResolvedService,
    files: Mapping[str, bytes],
    packages: Sequence[Requirement],
    content: str,
    environment_hash: str,
) -> dict[str, Json]:
    path = service.spec.model.path
    signature = service.inspection.signature
    return {
        "scorewright": __version__,
        "service": service.name,
        "framework": service.framework.name,
        "framework_version": service.resolution.version,
        "format": service.detection.format,
        "python": {"version": service.resolution.python, "supported": [*service.resolution.pythons]},
        "requirements": [_requirement(requirement) for requirement in packages],
        "model": {
            "name": service.model_name,
            "hash": service.model_hash,
            "file": path.name if path else None,
        },
        "inputs": signature.to_dict()["inputs"] if signature else None,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "hash": content,
        "environment_hash": environment_hash,
    }


def _requirement(requirement: Requirement) -> dict[str, Json]:
    return {
        "gpu": requirement.gpu,
        "cpu": requirement.cpu,
        "same_as": [*requirement.same_as],
        "index": requirement.index,
        "cpu_index": requirement.cpu_index,
    }


def _hash_files(files: Mapping[str, bytes]) -> str:
    return hash_json([[name, hashlib.sha256(data).hexdigest()] for name, data in sorted(files.items())])


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n").encode()
