"""The example, deployed for real: eight services of one network, each in Azure's inference server on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

import scorewright
from scorewright_runtime import Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from scorewright.client import ServiceClient
    from scorewright.spec.models import Spec

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "mnist"


@dataclass(frozen=True)
class Command:
    """The command with a home of its own: ``command("up", "--yes")`` gives the finished process."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the command is run with."""
        return {**os.environ, "SCOREWRIGHT_HOME": str(self.home), "NO_COLOR": "1"}

    def arguments(self, *words: str, file: Path = EXAMPLE / "deploy.yaml") -> list[str]:
        """The command line for a deploy file."""
        return [sys.executable, "-m", "scorewright", *words, "-f", str(file)]

    def __call__(self, *words: str, file: Path = EXAMPLE / "deploy.yaml", code: int = 0) -> str:
        """Run it, expect an exit code, and give what it wrote to stdout."""
        done = subprocess.run(
            self.arguments(*words, file=file), env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def processes(self) -> list[psutil.Process]:
        """Every process, the command's own aside, that was started for this home."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            return False
        return process.pid != os.getpid() and any(str(self.home) in word for word in words)


@dataclass(frozen=True)
class HeldOut:
    """The 360 digits that the network has never seen: pixels float32 [360, 784] from 0 to 1, labels int64 [360]."""

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]


@pytest.fixture(scope="session")
def held_out() -> HeldOut:
    """The held-out digits."""
    with np.load(EXAMPLE / "held-out.npz") as data:
        images, labels = data["images"], data["labels"]
    return HeldOut(images.reshape(len(images), 784).astype(np.float32) / np.float32(255), labels)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """The command with a fresh home; whatever a test leaves running is ended."""
    command = Command(tmp_path / "home")
    yield command
    for process in command.processes():
        process.kill()


@pytest.fixture(scope="session")
def spec() -> Spec:
    """The example's deploy file."""
    return scorewright.load(EXAMPLE / "deploy.yaml")


@pytest.fixture(scope="session")
def signatures(spec: Spec) -> dict[str, Signature]:
    """What goes into each service and what comes out, as its bundle says."""
    bundles = {name: scorewright.render(spec, name) for name in spec.services}
    found = {name: bundle.inspection.signature for name, bundle in bundles.items()}
    return {name: Signature.from_dict(signature.to_dict()) for name, signature in found.items() if signature}


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """All eight services, up; the command that made them."""
    command = Command(tmp_path_factory.mktemp("example") / "home")
    command("up", "--yes")
    yield command
    command("down", "--yes")
    assert command.processes() == []


@pytest.fixture(scope="session")
def client(deployed: Command, spec: Spec) -> Iterator[Callable[[str], ServiceClient]]:
    """``client(service)``: a client with the service's key."""
    patch = pytest.MonkeyPatch()
    patch.setenv("SCOREWRIGHT_HOME", str(deployed.home))
    run = scorewright.Deployer(target="local")
    made: dict[str, ServiceClient] = {}

    def of(service: str) -> ServiceClient:
        if service not in made:
            made[service] = run.client(spec, service)
        return made[service]

    yield of
    for one in made.values():
        one.close()
    patch.undo()
