"""A deploy file of echo models in a folder, written and deployed by tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scorewright.deployer import Deployer
from scorewright.plugins import PluginManager
from scorewright.spec import load

from . import echo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scorewright.events import Event
    from scorewright.results import Result
    from scorewright.spec.models import Spec
    from scorewright.target import Target


@dataclass
class Deployment:
    """One deploy file, whose services serve echo models, and a deployer for one target.

    ``values``: further top-level keys of the deploy file (``workspace``, ``cluster``). ``services``: what the file says
    of each service, by name. ``events``: of every run so far.
    """

    folder: Path
    target: Target
    values: Mapping[str, Any] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        plugins = PluginManager()
        plugins.register(echo)
        self.deployer = Deployer(self.target, plugins=plugins)

    def serve(self, name: str, *, scale: float = 2.0, fails: str = "", **keys: object) -> None:
        """Let the file have a service with a model of that scale; ``keys`` are further keys of the service."""
        path = echo.write_model(self.folder / f"{name}.echo", scale=scale, fails=fails)
        self.services[name] = {"model": {"path": path.name}, "gpu": "off", **keys}

    def expect(self, name: str, answer: object) -> None:
        """Let a service's golden request send one row of ones and expect that answer."""
        (self.folder / f"{name}.json").write_text(json.dumps({"data": [[1.0, 1.0, 1.0]]}))
        (self.folder / f"{name}.expect.json").write_text(json.dumps(answer))
        self.services[name]["sample"] = {"input": f"{name}.json", "expect": f"{name}.expect.json"}

    @property
    def spec(self) -> Spec:
        """The deploy file as it is now, written and loaded."""
        path = self.folder / "deploy.yaml"
        # JSON is YAML.
        path.write_text(json.dumps({"scorewright": 1, **self.values, "services": self.services}))
        return load(path)

    def up(self) -> Result:
        """Plan and apply."""
        return self.deployer.apply(self.deployer.plan(self.spec), on_event=self.events.append)

    def down(self) -> tuple[str, ...]:
        """Delete everything, a cluster included; returns what is left."""
        return self.deployer.destroy(self.spec, cluster=True, on_event=self.events.append)

    def answer(self, name: str) -> object:
        """What a service answers to a row of ones."""
        with self.deployer.client(self.spec, name) as client:
            return client.score({"data": [[1.0, 1.0, 1.0]]})
