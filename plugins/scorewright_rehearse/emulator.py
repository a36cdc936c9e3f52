"""The emulator: an Azure control plane on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from scorewright.errors import DeploymentError

from . import catalogue
from .blobs import BlobStore
from .certificates import Authority
from .deployments import Deployments
from .factory import Factory, this_interpreter, zero_answer
from .faults import Rule, Rules
from .files import write_private
from .plane import CLIENT_ID, CLIENT_SECRET, TENANT, Durations, Names, Plane
from .proxy import Proxy
from .recorder import Recorder
from .server import IDENTITY, Server
from .world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from types import TracebackType

    from .world import JsonObject

T = TypeVar("T")

DEFAULT_SUBSCRIPTION = "5b5c0000-0000-4000-8000-000000000004"
BACK_OFFS = ("AZUREML_DEFAULT_BACKOFF", "AZUREML_DEFAULT_500_BACKOFF", "AZUREML_DEFAULT_503_BACKOFF")
MISLEADING = frozenset(
    {"MSI_ENDPOINT", "MSI_SECRET", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZUREML_ARM_TOKEN"}
    | {"AZUREML_RUN_ID", "AZUREML_RUN_TOKEN", "ALL_PROXY", "all_proxy"}
)
"""Variables of the surrounding process that would lead the SDK elsewhere."""


class Emulator:
    """An Azure subscription with one workspace, for a process whose environment is `environment`.

        with Emulator(workspace="ml") as azure:
            subprocess.run([...], env=azure.child_environment(), check=True)
            azure.requests.one("services.create").body["numReplicas"]

    ``folder``: where all its files are; kept, and if it holds a world, that world goes on. Without it, a temporary one.
    ``port``, ``front_port``: of the proxy and of the scoring front end; 0 picks free ones, or those of the folder's
    last run. ``stub``: no containers; ``answer`` gives the JSON value that a service answers
    to a request, from its name and the body. ``interpreter``: gives the Python that runs a
    service, from its environment's definition. ``deadline``: seconds until a container must be healthy.
    ``patience``: seconds that the answer to a write may wait for roll-outs to end, so that clients with long polling
    intervals find them ended. ``requests``: what reached the control plane; ``scores``: what reached the scoring
    front end.
    """

    def __init__(
        self,
        *,
        subscription_id: str = DEFAULT_SUBSCRIPTION,
        resource_group: str = "rehearsal",
        workspace: str = "rehearsal",
        location: str = "eastus",
        folder: Path | None = None,
        port: int = 0,
        front_port: int = 0,
        stub: bool = False,
        answer: Callable[[str, bytes], object] = zero_answer,
        interpreter: Callable[[JsonObject], str] = this_interpreter,
        deadline: float = 120.0,
        durations: Durations | None = None,
        patience: float = 0.05,
    ) -> None:
        self.names = Names(subscription_id, resource_group, workspace, location)
        self.requests = Recorder()
        self.scores = Recorder()
        self.rules = Rules()
        self._kept = folder is not None
        self._folder = (folder or Path(tempfile.mkdtemp(prefix="scorewright-rehearse-"))).resolve()
        self._sockets = Path(tempfile.mkdtemp(prefix="swr-"))  # not in the folder: unix sockets need short paths
        self._ports = (port, front_port)
        self._durations = durations or Durations()
        self._patience = patience
        factory = Factory(self._folder, self._sockets, answer if stub else None, interpreter, deadline)
        self._plane = Plane(self.names, BlobStore(self._folder / "blobs"), durations=self._durations)
        self._plane.deployments = Deployments(self._plane, factory)
        self._proxy = Proxy(self._sockets / "control", self._knows, self.requests.refuse)
        self._runners: list[web.AppRunner] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scorewright-rehearse", daemon=True)

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Come up. Raises `DeploymentError` (SW2303) if a port is taken or the folder holds no world."""
        shutil.rmtree(self._folder / "containers", ignore_errors=True)  # those of a run that was killed
        for name in ("home", "containers"):
            (self._folder / name).mkdir(exist_ok=True)
        self._thread.start()
        try:
            self._await(self._serve())
        except (OSError, ValueError) as error:
            self.stop()
            raise DeploymentError(
                "SW2303",
                "the rehearsal could not start",
                cause=str(error),
                steps=["leave the ports out, or name free ones", "use another folder, or remove this one"],
            ) from error

    def stop(self) -> None:
        """End all containers and servers; a temporary folder goes too."""
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self._sockets, ignore_errors=True)
        if not self._kept:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def proxy(self) -> str:
        """The proxy's URL."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def front(self) -> str:
        """The scoring front end's URL."""
        return f"http://127.0.0.1:{self._ports[1]}"

    def environment(self, *, fast: bool = False, identity: bool = False) -> dict[str, str]:
        """The variables that lead the SDK here. ``fast``: its back-offs that can be zero are zero. ``identity``: with
        a managed identity instead of a service principal. To be set before ``azureml`` is imported."""
        authority = str(self._folder / "ca.pem")
        variables = {
            "REQUESTS_CA_BUNDLE": authority,
            "SSL_CERT_FILE": authority,
            "HOME": str(self._folder / "home"),
            "AZURE_CONFIG_DIR": str(self._folder / "home" / ".azure"),
            "AZUREML_CURRENT_CLOUD": "AzureCloud",
            "AZUREML_LOG_DEPRECATION_WARNING_ENABLED": "False",
        }
        for name in ("HTTPS_PROXY", "HTTP_PROXY"):
            variables |= {name: self.proxy, name.lower(): self.proxy}
        variables |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
        if fast:
            variables |= dict.fromkeys(BACK_OFFS, "0")
        if identity:
            return variables | {"MSI_ENDPOINT": self.front + IDENTITY, "MSI_SECRET": CLIENT_SECRET}
        return variables | {
            "AZUREML_SERVICE_PRINCIPAL_TENANT_ID": TENANT,
            "AZUREML_SERVICE_PRINCIPAL_ID": CLIENT_ID,
            "AZUREML_SERVICE_PRINCIPAL_PASSWORD": CLIENT_SECRET,
        }

    def child_environment(self, *, fast: bool = False, identity: bool = False) -> dict[str, str]:
        """A whole environment for a child process: this process's own, changed so that the SDK comes here."""
        kept = {key: value for key, value in os.environ.items() if key not in MISLEADING}
        return kept | self.environment(fast=fast, identity=identity)

    @contextmanager
    def applied(self, *, fast: bool = False) -> Iterator[None]:
        """Lead this very process here, and back. The SDK's back-offs count only if it was not imported before."""
        before, changed = dict(os.environ), self.child_environment(fast=fast)
        _replace_environment(changed)
        try:
            yield
        finally:
            _replace_environment(before)

    @property
    def world(self) -> World:
        """A copy of all that exists."""
        return World.from_json(self.snapshot())

    def snapshot(self) -> bytes:
        """All that exists, to come back to with `restore`. Holds keys."""

        async def taken() -> bytes:
            self._plane.settle()
            return self._plane.world.to_json()

        return self._await(taken())

    def restore(self, snapshot: bytes) -> None:
        """Make the world what it was; containers of its services are started again."""

        async def restored() -> None:
            await self._plane.deployments.stop()
            self._plane.world = World.from_json(snapshot)
            self._plane.deployments.resume()
            self._save()

        self._await(restored())

    def change(self, change: Callable[[World], None]) -> None:
        """Change the world behind everybody's back, as somebody in the portal might."""

        async def changed() -> None:
            change(self._plane.world)
            self._save()

        self._await(changed())

    def settled(self, seconds: float = 120.0) -> None:
        """Wait until no roll-out is under way, at most so many seconds."""
        self._await(self._plane.deployments.settle(seconds))

    def fault(self, text: str, *, skip: int = 0, times: int | None = None) -> Rule | None:
        """Make something go wrong by name: ``NAME`` or ``NAME:TARGET``, see `catalogue.FAULTS`. ``skip``: let so many
        matching requests pass first. Returns the rule, None for a fault that only changes how long things take.
        Raises `ScorewrightError` (SW2302) if there is no such fault."""
        fault, target = catalogue.parse(text)
        if fault.durations is not None:
            self._plane.durations = fault.durations
        rule = fault.rule(target, skip, times)
        return rule if rule is None else self.rules.add(rule)

    def calm(self) -> None:
        """Lift all faults."""
        self.rules.clear()
        self._plane.durations = self._durations

    def _knows(self, host: str) -> bool:
        return host in self.names.hosts.values()

    async def _serve(self) -> None:
        plane, kept = self._plane, self._folder / "world.json"
        if kept.exists():
            plane.world = World.from_json(kept.read_bytes())
        server = Server(plane, self.rules, self.requests, self.scores, self._patience)
        context = Authority(self._folder, sorted(self.names.hosts.values())).server_context()
        control = await self._run(server.application(scoring=False))
        await web.UnixSite(control, self._sockets / "control", ssl_context=context).start()
        wanted = self._remembered()
        scoring = await self._run(server.application(scoring=True))
        await web.TCPSite(scoring, "127.0.0.1", wanted[1]).start()
        self._ports = (await self._proxy.start(wanted[0]), scoring.addresses[0][1])
        (self._folder / "ports").write_text(f"{self._ports[0]} {self._ports[1]}\n")
        plane.front, plane.changed = self.front, self._save
        plane.deployments.resume()

    async def _run(self, application: web.Application) -> web.AppRunner:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self._runners.append(runner)
        return runner

    def _remembered(self) -> tuple[int, int]:
        """The ports asked for, else those of the folder's last run: scoring URIs stay what they were."""
        file = self._folder / "ports"
        last = [int(port) for port in file.read_text().split()] if file.exists() else [0, 0]
        return self._ports[0] or last[0], self._ports[1] or last[1]

    async def _close(self) -> None:
        await self._proxy.stop()
        await self._plane.deployments.stop()
        for runner in self._runners:
            await runner.cleanup()
        unanswered = asyncio.all_tasks() - {asyncio.current_task()}  # requests that a fault never answers
        for task in unanswered:
            task.cancel()
        await asyncio.gather(*unanswered, return_exceptions=True)

    def _save(self) -> None:
        if self._kept:
            write_private(self._folder / "world.json", self._plane.world.to_json())

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _replace_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
