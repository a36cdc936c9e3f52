"""What the deploy file leaves open, found out: the framework, what the model's file says, the packages that serve it.

Pure reading. Whatever is wrong with a user's files or with a plugin becomes a finding, so that one run shows it all.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from .bundle_environment import asked_python, requirements
from .catalogue import load as load_catalogue
from .catalogue import shipped as shipped_catalogue
from .errors import PluginError, ScorewrightError
from .findings import Finding, Level
from .framework import Detection, DetectRequest, Inspection, InspectRequest, ResolveRequest
from .framework_options import settle
from .hashing import hash_model
from .lock import FILE as LOCK_FILE
from .lock import Lock, inputs_of
from .lock import read as read_lock
from .signature import Signature, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .catalogue import Catalogue
    from .framework import Framework, OptionValue, Resolution
    from .lock import Locked
    from .plugins import PluginManager
    from .spec.models import ServiceSpec, Spec, Tensor

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True)
class ResolvedService:
    """One service with nothing left open.

    ``gpu``: the policy on the target in question; a bundle does not depend on it. ``model_hash``: of the model's
    content, or of name and version for a registered model. ``inspection.signature`` may be None; then the findings say
    what to write, and no bundle can be built. ``locked``: the environment in ``deploy.lock``, if it is fresh.
    ``options``: the framework's, as far as the deploy file sets them.
    """

    name: str
    spec: ServiceSpec
    framework: Framework
    detection: Detection
    inspection: Inspection
    resolution: Resolution
    model_hash: str
    gpu: str
    locked: Locked | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    @property
    def model_name(self) -> str:
        """The name that the model is or will be registered under."""
        return self.spec.model.name or self.name


@dataclass(frozen=True)
class Resolved:
    """Every service that could be resolved, by name, and everything there is to say. ``catalogue``: the facts that it
    was decided by, None for those that ship."""

    services: Mapping[str, ResolvedService]
    findings: tuple[Finding, ...]
    catalogue: Catalogue | None = None


def resolve(spec: Spec, plugins: PluginManager, *, gpu_default: str = "require") -> Resolved:
    """Resolve every service of a spec. ``gpu_default``: the target's, for services that do not say ``gpu``.

    Raises nothing for what users or plugins do wrong: that is in the findings, with its place in the deploy file.
    """
    services: dict[str, ResolvedService] = {}
    findings: list[Finding] = []
    catalogue = _catalogue(spec, plugins, findings)
    lock = _lock(spec)
    for name in spec.services:
        work = _Service(spec, name, plugins, gpu_default, catalogue, lock)
        service = work.resolve()
        findings += work.findings
        if service is not None:
            services[name] = service
    return Resolved(services, tuple(findings), catalogue)


def _catalogue(spec: Spec, plugins: PluginManager, findings: list[Finding]) -> Catalogue:
    """The facts for a spec; the shipped ones alone where the user's or a plugin's cannot be used."""
    facts = [(f"plugin of {framework.name}", framework.facts) for framework in plugins.frameworks.values()]
    try:
        return load_catalogue(spec.origin.root, [fact for fact in facts if fact[1]])
    except ScorewrightError as error:
        message = f"{error.summary}: {error.cause}"
        findings.append(Finding(Level.ERROR, error.code, message, hint="; ".join(error.steps)))
        return shipped_catalogue()


def _lock(spec: Spec) -> Lock:
    """The lock beside the deploy file; one that cannot be read counts as none, and a check says so."""
    try:
        return read_lock(spec.origin.root / LOCK_FILE)
    except ScorewrightError:
        return Lock()


def declared(tensors: Mapping[str, Tensor] | None) -> tuple[TensorSpec, ...] | None:
    """What the deploy file says of inputs or outputs, as tensor specs."""
    if tensors is None:
        return None
    return tuple(TensorSpec(name, item.dtype, tuple(item.shape), item.tensor) for name, item in tensors.items())


class _Service:
    """Resolves one service, collecting findings."""

    def __init__(
        self, spec: Spec, name: str, plugins: PluginManager, gpu_default: str, catalogue: Catalogue, lock: Lock
    ) -> None:
        self.spec = spec
        self.name = name
        self.service = spec.services[name]
        self.plugins = plugins
        self.catalogue = catalogue
        self.lock = lock
        self.gpu = self.service.gpu or gpu_default
        self.findings: list[Finding] = []

    def resolve(self) -> ResolvedService | None:
        if self.service.model.path is not None and not self.service.model.path.exists():
            self._say("SW1281", f"there is no model at {self.service.model.path}", "model.path", hint=_PATHS)
            return None
        found = self._registered() if self.service.model.path is None else self._detect()
        if found is None:
            return None
        framework, detection = found
        inspection = self._inspect(framework, detection)
        options, faults = self._options(framework, detection)
        resolution = self._packages(framework, detection, inspection, options)
        model_hash = self._hash()
        if inspection is None or resolution is None or model_hash is None or faults:
            return None
        service = ResolvedService(
            self.name, self.service, framework, detection, inspection, resolution, model_hash, self.gpu, options=options
        )
        return replace(service, locked=self._locked(service))

    def _registered(self) -> tuple[Framework, Detection] | None:
        """A registered model: its files are elsewhere, so the deploy file has to say what they would."""
        missing = [
            key
            for key, value in [
                ("framework", self.service.framework),
                ("inputs", self.service.inputs),
                ("outputs", self.service.outputs if isinstance(self.service.outputs, dict) else None),
            ]
            if value is None
        ]
        if missing:
            message = f"a registered model's files are not here to be read, so write {', '.join(missing)}"
            self._say("SW1284", message, "model.name", hint=_REGISTERED)
        framework = self._named()
        if framework is None or missing:
            return None
        return framework, Detection("registered", "the deploy file says so")

    def _named(self) -> Framework | None:
        if self.service.framework is None:
            return None
        try:
            return self.plugins.framework(self.service.framework.name)
        except PluginError as error:
            self._say(error.code, f"{error.summary} ({error.cause})", "framework", hint="; ".join(error.steps))
            return None

    def _detect(self) -> tuple[Framework, Detection] | None:
        assert self.service.model.path is not None
        request = DetectRequest(self.service.model.path)
        named = self._named()
        if self.service.framework is not None and named is None:
            return None
        candidates = [named] if named else list(self.plugins.frameworks.values())
        seen = [
            (framework, detection)
            for framework in candidates
            if (detection := self._ask(framework, framework.detect, request, "model.path")) is not None
        ]
        if len(seen) == 1:
            return seen[0]
        names = ", ".join(framework.name for framework in candidates) or "none is installed"
        if not seen and named is not None and (others := self._others(named, request)):
            message = f"{request.path} is not a model that {named.name} knows; {' and '.join(others)} does"
            self._say("SW1282", message, "framework", hint=f"write framework: {others[0]}")
        elif not seen:
            message = f"{request.path} is not a model that a framework knows (asked: {names})"
            self._say("SW1282", message, "model.path", hint="scorewright plugins lists the frameworks")
        else:
            saw = "; ".join(f"{framework.name}: {detection.reason}" for framework, detection in seen)
            self._say("SW1283", f"several frameworks know {request.path}: {saw}", "model.path", hint=_NAME_ONE)
        return None

    def _others(self, named: Framework, request: DetectRequest) -> list[str]:
        """The frameworks that know a model for which another one was named."""
        return [
            framework.name
            for framework in self.plugins.frameworks.values()
            if framework is not named and self._ask(framework, framework.detect, request, "framework") is not None
        ]

    def _inspect(self, framework: Framework, detection: Detection) -> Inspection | None:
        model = self.service.model
        outputs = self.service.outputs
        inputs = declared(self.service.inputs)
        wanted = declared(outputs) if isinstance(outputs, dict) else None
        if model.path is None:
            assert inputs is not None and wanted is not None
            rows = all(tensor.shape and tensor.shape[0] is None for tensor in (*inputs, *wanted))
            return Inspection(Signature(inputs, wanted, batch=rows))
        request = InspectRequest(
            path=model.path,
            format=detection.format,
            inputs=inputs,
            outputs=wanted,
            output_names=tuple(outputs) if isinstance(outputs, list) else None,
            options={
                "module": str(model.module) if model.module else None,
                "factory": model.factory,
                "allow_pickle": model.allow_pickle,
            },
        )
        inspection = self._ask(framework, framework.inspect, request, "model.path")
        self._take(inspection.findings if inspection else ())
        return inspection

    def _options(
        self, framework: Framework, detection: Detection
    ) -> tuple[dict[str, OptionValue], tuple[Finding, ...]]:
        """The framework's options, checked, and what is wrong with them."""
        given = self.service.framework.options if self.service.framework else {}
        format_ = None if self.service.model.path is None else detection.format
        options, faults = settle(given, framework, format_, self.plugins.frameworks)
        self._take(faults)
        return options, faults

    def _packages(
        self,
        framework: Framework,
        detection: Detection,
        inspection: Inspection | None,
        options: Mapping[str, OptionValue],
    ) -> Resolution | None:
        request = ResolveRequest(
            format=detection.format,
            # A bundle is the same on every target, so the target's default is not asked.
            gpu=self.service.gpu != "off",
            version=self.service.framework.version if self.service.framework else None,
            written_by=inspection.written_by if inspection else None,
            python=asked_python(self.service.packages.conda),
            vm_size=self.spec.cluster.vm_size if self.spec.cluster else None,
            load=inspection.load if inspection else {},
            catalogue=self.catalogue,
            options=options,
        )
        resolution = self._ask(framework, framework.resolve, request, "framework")
        self._take(resolution.findings if resolution else ())
        return resolution

    def _locked(self, service: ResolvedService) -> Locked | None:
        """The service's environment in the lock file, if it was made for just these packages."""
        found = self.lock.services.get(self.name)
        if found is None:
            return None
        inputs = inputs_of(service.resolution, requirements(service), self.catalogue)
        return found if found.inputs == inputs.hash else None

    def _hash(self) -> str | None:
        model = self.service.model
        if model.path is None:
            return hashlib.sha256(f"{model.name}:{model.version or 'latest'}".encode()).hexdigest()
        if model.path.name in ("", ".."):
            self._say("SW1285", f"the model {model.path} has no name of its own", "model.path", hint="write its name")
            return None
        try:
            return hash_model(model.path)
        except ScorewrightError as error:
            self._fault(error, "model.path")
            return None

    def _ask(self, framework: Framework, function: Callable[[Q], A], request: Q, path: str) -> A | None:
        """Call a plugin; whatever it raises becomes a finding that names it."""
        try:
            return function(request)
        except ScorewrightError as error:
            self._fault(error, path)
        except Exception as error:  # a plugin may raise anything; it must be named, not end the run
            message = f"the plugin of {framework.name!r} failed: {type(error).__name__}: {error}"
            self._say("SW1286", message, path, hint="report it to the plugin's authors, with the model if you can")
        return None

    def _fault(self, error: ScorewrightError, path: str) -> None:
        message = f"{error.summary}: {error.cause}" if error.cause else error.summary
        self._say(error.code, message, path, hint="; ".join(error.steps) or None)

    def _take(self, findings: tuple[Finding, ...]) -> None:
        """Findings of a plugin, whose paths count from the service."""
        for finding in findings:
            path = f"services.{self.name}" + (f".{finding.path}" if finding.path else "")
            location = finding.location or self.spec.origin.locate(*path.split("."))
            self.findings.append(replace(finding, path=path, location=location))

    def _say(self, code: str, message: str, path: str, hint: str | None = None) -> None:
        self._take((Finding(Level.ERROR, code, message, hint=hint, path=path),))


_PATHS = "paths are relative to the deploy file that says them"
_NAME_ONE = "say which one serves it: framework: NAME"
_REGISTERED = "for example:\nframework: onnx\ninputs: {x: {shape: [null, 4]}}\noutputs: {y: {shape: [null, 2]}}"
