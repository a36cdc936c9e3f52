"""The real azureml-core against the emulated control plane, from this process and from children of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import scorewright
from scorewright_azureml import connection
from scorewright_rehearse import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scorewright.events import Event
    from scorewright.results import Result
    from scorewright.spec.models import Spec

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "mnist"
SUBSCRIPTION = "5b5c0000-0000-4000-8000-000000000004"
HEAD = f"""\
scorewright: 1
workspace: {{subscription_id: {SUBSCRIPTION}, resource_group: rehearsal, name: rehearsal}}
cluster: {{name: aks-gpu, vm_size: Standard_NC4as_T4_v3, node_count: 6}}
services:
"""
ONNX = f"""\
  digits:
    model: {{path: {EXAMPLE}/models/mnist.onnx}}
    framework: {{name: onnx, version: "1.31"}}
    sample: {{input: {EXAMPLE}/sample.json}}
"""


class Azure:
    """An emulator, and a deploy file that is taken there."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator = emulator
        self.events: list[Event] = []
        self.file = folder / "deploy.yaml"
        self.run = scorewright.Deployer(target="azureml")

    def spec(self, services: str = ONNX, head: str = HEAD) -> Spec:
        """A deploy file of these services."""
        self.file.write_text(head + services)
        return scorewright.load(self.file)

    def up(self, spec: Spec) -> Result:
        """Plan and apply."""
        return self.run.apply(self.run.plan(spec), on_event=self.events.append)

    def down(self, spec: Spec) -> tuple[str, ...]:
        """Delete everything, the cluster too."""
        return self.run.destroy(spec, cluster=True, on_event=self.events.append)

    def service(self, name: str = "digits") -> dict[str, Any]:
        """The settings that serve now."""
        return dict(self.emulator.world.services[name].live or {})


@pytest.fixture(scope="session")
def _quick() -> Iterator[None]:
    """Looks every few milliseconds."""
    patch = pytest.MonkeyPatch()
    patch.setenv("SCOREWRIGHT_POLL_SECONDS", "0.05")
    yield
    patch.undo()


@pytest.fixture(scope="session")
def _stub(_quick: None) -> Iterator[Emulator]:
    """One emulator without containers for all tests: its SDK processes take seconds to start."""
    with Emulator(stub=True, answer=lambda service, body: [[0.0] * 10]) as emulator:
        yield emulator


@pytest.fixture
def empty(_stub: Emulator) -> Iterator[bytes]:
    """The emulator's empty world, to which it comes back after a test."""
    world = _stub.snapshot()
    with _stub.applied(fast=True):
        yield world
    _stub.calm()
    _stub.settled()
    _stub.restore(world)
    _stub.requests.clear()


@pytest.fixture
def azure(_stub: Emulator, empty: bytes, tmp_path: Path) -> Azure:
    """Azure without containers: services answer zeros of the right shape."""
    return Azure(_stub, tmp_path)


@pytest.fixture(scope="module")
def running(_quick: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Azure]]:
    """Azure with containers: services run in the real inference server."""
    with Emulator() as emulator, emulator.applied(fast=True):
        yield lambda: Azure(emulator, tmp_path_factory.mktemp("files"))
        connection.close()
