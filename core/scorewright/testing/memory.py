"""A target without a cloud: resources are in memory, services answer over real HTTP on the loopback interface.

Everything a target must do, in its simplest form; read it before writing one. It serves `echo` models only.
"""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from scorewright.errors import DeploymentError
from scorewright.target import Endpoint, Keys, LiveResource, Resource, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from scorewright.bundle import Bundle
    from scorewright.findings import Finding, Json
    from scorewright.spec.models import Spec
    from scorewright.target import (
        ChangeRequest,
        DeleteRequest,
        DesiredRequest,
        ServiceRequest,
        TargetRequest,
    )


@dataclass
class _Version:
    """One version of a service: a bundle that answers at a port of its own."""

    bundle: Bundle
    properties: dict[str, Json]
    server: ThreadingHTTPServer
    model: str

    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/score"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class _Service:
    owner: str
    keys: list[str] = field(default_factory=lambda: [secrets.token_urlsafe(24), secrets.token_urlsafe(24)])
    log: list[str] = field(default_factory=list)
    current: _Version | None = None
    previous: _Version | None = None


class MemoryTarget:
    """A target in memory. Use it in a ``with`` block, so that no server is left.

    ``record``: the `Target` for a `Deployer`. ``calls``: every change that was asked for, as ``(verb, address)``.
    ``faults``: an exception to raise for such a change, before anything is done. ``before``: called before each change.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.faults: dict[tuple[str, str], BaseException] = {}
        self.before: Callable[[str, str], object] = lambda verb, address: None
        self.record = Target(
            name="memory",
            summary="In memory; for tests.",
            gpu_default="prefer",
            check=self._check,
            desired=self._desired,
            observe=self._observe,
            create=self._create,
            update=self._update,
            delete=self._delete,
            endpoint=self._endpoint,
            logs=self._logs,
            keys=self._keys,
            regenerate_key=self._regenerate_key,
            rollback=self._rollback,
            left=self._left,
        )
        self._things: dict[str, LiveResource] = {}
        self._owners: dict[str, str] = {}
        self._services: dict[str, _Service] = {}
        self._lock = threading.RLock()

    def __enter__(self) -> MemoryTarget:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop every server."""
        for name in list(self._services):
            self._remove(name)

    def put(self, live: LiveResource, owner: str = "somebody else") -> None:
        """Let something exist that no run made, or change what exists."""
        self._things[live.address] = live
        self._owners[live.address] = owner

    def _check(self, request: DesiredRequest) -> tuple[Finding, ...]:
        return ()

    def _desired(self, request: DesiredRequest) -> tuple[Resource, ...]:
        """A cluster if the file has one, and for every service its model, its environment and itself."""
        resources: dict[str, Resource] = {}
        cluster: tuple[str, ...] = ()
        if request.spec.cluster is not None:
            size = request.spec.cluster.vm_size
            found = Resource(
                "cluster", request.spec.cluster.name, {"vm_size": size}, frozenset(["vm_size"]), hourly_usd=1.5
            )
            resources[found.address] = found
            cluster = (found.address,)
        for name, bundle in request.bundles.items():
            model = Resource("model", _model_name(bundle), {}, service=name, hourly_usd=0.0)
            environment = Resource("environment", bundle.environment_hash[:12], {}, service=name, hourly_usd=0.0)
            service = Resource(
                "service",
                name,
                {"hash": bundle.hash, "replicas": bundle.spec.replicas or 1, "tags": dict(bundle.spec.tags)},
                depends_on=(*cluster, model.address, environment.address),
                service=name,
                hourly_usd=0.0,
            )
            resources |= {resource.address: resource for resource in (model, environment, service)}
        return tuple(resources.values())

    def _observe(self, request: TargetRequest) -> tuple[LiveResource, ...]:
        owner = _owner(request.spec)
        versions = [one for service in self._services.values() for one in (service.current, service.previous)]
        used = {f"model/{version.model}" for version in versions if version is not None}
        with self._lock:
            return tuple(
                replace(live, owned=self._owners[address] == owner, spare=address in used)
                for address, live in sorted(self._things.items())
            )

    def _create(self, request: ChangeRequest) -> LiveResource:
        return self._change("create", request)

    def _update(self, request: ChangeRequest) -> LiveResource:
        return self._change("update", request)

    def _change(self, verb: str, request: ChangeRequest) -> LiveResource:
        resource = request.resource
        self._enter(verb, resource.address)
        info: dict[str, Json] = {}
        if resource.kind == "service":
            info = self._deploy(request)
        live = LiveResource(resource.kind, resource.name, dict(resource.properties), True, True, info=info)
        with self._lock:
            self.put(live, _owner(request.spec))
        return live

    def _deploy(self, request: ChangeRequest) -> dict[str, Json]:
        """Start the new version beside the old one, have it verified, switch."""
        assert request.bundle is not None
        assert request.verify is not None
        name = request.resource.name
        with self._lock:
            service = self._services.setdefault(name, _Service(_owner(request.spec)))
        version = _start(request.bundle, dict(request.resource.properties), service)
        try:
            request.verify(_endpoint(name, version, service))
        except BaseException:  # interrupted, too: a version that was not proven must not stay
            version.stop()
            if service.current is None:
                self._services.pop(name, None)
            raise
        if service.previous is not None:
            service.previous.stop()
        service.previous, service.current = service.current, version
        service.log.append(f"serving {version.bundle.hash}")
        return {"scoring_uri": version.uri(), "device": "cpu", "version": version.bundle.hash[:12]}

    def _delete(self, request: DeleteRequest) -> None:
        self._enter("delete", request.live.address)
        if request.live.kind == "service":
            self._remove(request.live.name)
        with self._lock:
            self._things.pop(request.live.address, None)

    def _endpoint(self, request: ServiceRequest) -> Endpoint:
        service = self._find(request)
        assert service.current is not None
        return _endpoint(request.service, service.current, service)

    def _logs(self, request: ServiceRequest) -> Iterator[str]:
        return iter(list(self._find(request).log))

    def _keys(self, request: ServiceRequest) -> Keys:
        return Keys(*self._find(request).keys)

    def _regenerate_key(self, request: ServiceRequest) -> Keys:
        self._find(request).keys[request.key == "secondary"] = secrets.token_urlsafe(24)
        return self._keys(request)

    def _rollback(self, request: ServiceRequest) -> LiveResource:
        service = self._find(request)
        before = service.previous
        if before is None:
            raise DeploymentError("SW1709", f"{request.service} has no version before this one")
        if request.verify is not None:
            request.verify(_endpoint(request.service, before, service))
        service.previous, service.current = service.current, before
        live = replace(self._things[f"service/{request.service}"], properties=before.properties)
        self.put(live, service.owner)
        return live

    def _left(self, request: TargetRequest) -> tuple[str, ...]:
        return tuple(live.address for live in self._observe(request) if live.owned)

    def _enter(self, verb: str, address: str) -> None:
        """Every change comes through here."""
        with self._lock:
            self.calls.append((verb, address))
        self.before(verb, address)
        if (verb, address) in self.faults:
            raise self.faults[verb, address]

    def _find(self, request: ServiceRequest) -> _Service:
        service = self._services.get(request.service)
        if service is None or service.current is None:
            raise DeploymentError("SW1709", f"{request.service} does not exist")
        return service

    def _remove(self, name: str) -> None:
        service = self._services.pop(name, None)
        for version in (service.current, service.previous) if service else ():
            if version is not None:
                version.stop()


def _owner(spec: Spec) -> str:
    return spec.project or str(spec.origin.root)


def _model_name(bundle: Bundle) -> str:
    return f"{bundle.service}-{bundle.model_hash[:12]}"


def _endpoint(name: str, version: _Version, service: _Service) -> Endpoint:
    return Endpoint(name, version.uri(), {"authorization": f"Bearer {service.keys[0]}"})


def _start(bundle: Bundle, properties: dict[str, Json], service: _Service) -> _Version:
    """Answer as the bundle would. Raises `DeploymentError` if its model fails."""
    assert bundle.model_path is not None
    model = json.loads(bundle.model_path.read_bytes())
    if model["fails"] == "init":
        raise DeploymentError("SW1709", f"{bundle.service} failed to start", cause="its model failed when loaded")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("authorization") not in [f"Bearer {key}" for key in service.keys]:
                self._reply(401, {"error": {"code": "unauthorized", "message": "wrong key"}})
                return
            self._reply(200, _multiplied(json.loads(body), model["scale"]))

        def _reply(self, status: int, answer: object) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {
                "content-length": str(len(data)),
                "x-scorewright-device": "cpu",
                "x-scorewright-model": f"{bundle.spec.model.name or bundle.service}:1",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            service.log.append(format % arguments)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return _Version(bundle, properties, server, _model_name(bundle))


def _multiplied(payload: dict[str, Json], scale: float) -> Json:
    def times(rows: Json) -> Json:
        if isinstance(rows, list):
            return [times(row) for row in rows]
        return rows * scale if isinstance(rows, int | float) else rows

    if "data" in payload:
        return times(payload["data"])
    inputs = payload["inputs"]
    assert isinstance(inputs, dict)
    return {"outputs": {"y": times(inputs["x"])}}
