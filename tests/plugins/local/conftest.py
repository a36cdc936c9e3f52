"""Services small enough to start in a second, on the real scoring server, in a home of their own."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from scorewright.bundle import Bundle
from scorewright.framework import Inspection, Requirement, Resolution
from scorewright.spec.models import Spec
from scorewright.spec.origin import Origin
from scorewright.target import (
    ChangeRequest,
    DeleteRequest,
    DesiredRequest,
    Endpoint,
    LiveResource,
    ServiceRequest,
    TargetRequest,
    Verify,
)
from scorewright_local.files import is_locked
from scorewright_local.places import ServicePlace, service_place
from scorewright_local.target import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scorewright.events import Event

SCORE = """
import json
import os
import time
from answers import VALUE


def init():
    global weight
    folder = os.environ["AZUREML_MODEL_DIR"]
    weight = int(open(os.path.join(folder, "model.txt")).read())


def run(data):
    asked = json.loads(data)
    if "touch" in asked:
        open(asked["touch"], "w").close()
    time.sleep(float(asked.get("sleep", 0)))
    return {"value": VALUE, "weight": weight, "environ": dict(os.environ)}
"""


@dataclass
class Workbench:
    """One deploy file and its services, driven as the deployer drives a target."""

    folder: Path
    events: list[Event] = field(default_factory=list)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def spec(self) -> Spec:
        """The deploy file as it is now."""
        spec = Spec.model_validate({"scorewright": 1, "services": self.services or {"digits": self.service()}})
        spec._origin = Origin(files=(self.folder / "deploy.yaml",), root=self.folder)
        return spec

    def service(self, **changes: object) -> dict[str, Any]:
        """The values of one service."""
        return {"model": {"path": str(self.folder / "model.txt")}, "gpu": "off", **changes}

    def bundle(
        self,
        value: object = 1,
        *,
        name: str = "digits",
        score: str = SCORE,
        requirements: list[dict[str, Any]] | None = None,
        **changes: object,
    ) -> Bundle:
        """A bundle whose answers carry ``value``; ``changes`` to the service in the deploy file."""
        self.services[name] = self.service(**changes)
        files = {"score.py": score.encode(), "answers.py": f"VALUE = {value!r}\n".encode()}
        model = self.folder / "model.txt"
        if not model.exists():
            model.write_text("7")
        model_hash = hashlib.sha256(model.read_bytes()).hexdigest()
        digest = hashlib.sha256(repr((sorted(files.items()), model_hash)).encode()).hexdigest()
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        needs = [] if requirements is None else requirements
        return Bundle(
            service=name,
            spec=self.spec.services[name],
            framework="none",
            format="text",
            files=files,
            hash=digest,
            environment_hash="0",
            model_path=model,
            model_hash=model_hash,
            environment={"variables": {"FROM_BUNDLE": "yes"}},
            manifest={"requirements": [*needs], "python": {"version": python, "supported": [python]}},
            inspection=Inspection(None),
            resolution=Resolution("1", python, (python,), (Requirement("a", "a"),), "image:1"),
        )

    def up(self, bundle: Bundle, verify: Verify | None = None) -> LiveResource:
        """Create or update one service."""
        (resource,) = LOCAL.desired(DesiredRequest(self.spec, self.events.append, {bundle.service: bundle}))
        return LOCAL.create(ChangeRequest(self.spec, self.events.append, resource, bundle=bundle, verify=verify))

    def observe(self) -> tuple[LiveResource, ...]:
        """What exists."""
        return LOCAL.observe(TargetRequest(self.spec, self.events.append))

    def down(self) -> None:
        """Delete all that exists."""
        for live in self.observe():
            LOCAL.delete(DeleteRequest(self.spec, self.events.append, live))

    def request(self, service: str = "digits", key: str = "primary", verify: Verify | None = None) -> ServiceRequest:
        """A request about one service."""
        return ServiceRequest(self.spec, self.events.append, service, key=key, verify=verify)

    def place(self, service: str = "digits") -> ServicePlace:
        """Where a service lives."""
        return service_place(self.spec, service)

    def endpoint(self, service: str = "digits") -> Endpoint:
        """Where a service is called."""
        return LOCAL.endpoint(self.request(service))

    def score(self, service: str = "digits", **body: object) -> dict[str, Any]:
        """The answer of a service."""
        return post(self.endpoint(service), **body)


def post(endpoint: Endpoint, **body: object) -> dict[str, Any]:
    """The answer at an endpoint."""
    answer = httpx.post(endpoint.scoring_uri, json=body, headers=dict(endpoint.headers), timeout=30)
    answer.raise_for_status()
    value: dict[str, Any] = answer.json()
    return value


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return once a condition holds; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits for a condition."""
    return wait_until


@pytest.fixture
def call() -> Callable[..., dict[str, Any]]:
    """Calls an endpoint."""
    return post


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``SCOREWRIGHT_HOME`` of the test's own, and short folders for sockets."""
    home = tmp_path / "home"
    monkeypatch.setenv("SCOREWRIGHT_HOME", str(home))
    monkeypatch.delenv("SCOREWRIGHT_PYTHON", raising=False)
    monkeypatch.delenv("SCOREWRIGHT_INSTALLER", raising=False)
    return home


@pytest.fixture
def bench(home: Path, tmp_path: Path) -> Iterator[Workbench]:
    """A deploy file in a folder of its own; whatever runs at the end is taken down, and nothing may be left."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "deploy.yaml").touch()
    bench = Workbench(folder)
    yield bench
    bench.down()
    assert strays(home) == []


@pytest.fixture
def find_strays(home: Path) -> Callable[[], list[str]]:
    """Finds what still runs out of this test's home."""
    return lambda: strays(home)


@pytest.fixture
def holds_lock() -> Callable[[ServicePlace], bool]:
    """Whether any process of a service lives."""
    return lambda place: is_locked(place.alive)


def strays(home: Path) -> list[str]:
    """The command lines of all processes that were started out of a home."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()] if process.pid != os.getpid() else []
        except psutil.Error:
            continue
        if any(str(home) in word for word in words) and process.status() != psutil.STATUS_ZOMBIE:
            found.append(" ".join(process.cmdline()))
    return found
