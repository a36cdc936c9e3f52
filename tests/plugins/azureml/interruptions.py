"""A sweep over the requests of a run: each is struck in turn, and what comes of it must always be the same."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scorewright.errors import ScorewrightError
from scorewright.plan import Action
from scorewright_rehearse.faults import Drop, Notify, Rule, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.plugins.azureml.conftest import Azure

    from scorewright.spec.models import Spec
    from scorewright_rehearse.faults import Effect
    from scorewright_rehearse.recorder import RecordedRequest

EXHAUSTIVE = bool(os.environ.get("SCOREWRIGHT_EXHAUSTIVE"))
"""Strike every request, not only a sample."""
EFFECTS: dict[str, Effect] = {
    "429": answer(429),
    "500": answer(500),
    "503": answer(503),
    "dropped": Drop(),
    "lost": Drop(after=True),
}
SLOW = "blobs."
"""The SDK's storage client waits 18 seconds before it sends a blob again, and cannot be told otherwise."""


@dataclass
class Scenario:
    """A run to interrupt. ``verb``: what a child process runs. ``before``: the world that it starts from. ``after``:
    models that must be there when it has been repeated, nothing at all if None."""

    name: str
    verb: tuple[str, ...]
    before: bytes
    spec: Spec
    act: Callable[[], object]
    after: tuple[str, ...] | None
    requests: list[RecordedRequest] = field(default_factory=list)


class Sweep:
    """Strikes the requests of a scenario, one run each."""

    def __init__(self, azure: Azure, scenario: Scenario) -> None:
        self.azure = azure
        self.emulator = azure.emulator
        self.scenario = scenario
        self.cases = 0
        self.faults: list[str] = []
        self.emulator.restore(scenario.before)
        self.emulator.requests.clear()
        scenario.act()
        scenario.requests = self.emulator.requests.all()

    def sample(self, every: int, start: int) -> list[int]:
        """The numbers of the requests to strike: all of them, or every n-th that is not slow to strike."""
        if EXHAUSTIVE:
            return [request.number for request in self.scenario.requests]
        quick = [request.number for request in self.scenario.requests if not request.action.startswith(SLOW)]
        return quick[start::every]

    def strike(self, name: str, rules: Iterable[Rule]) -> None:
        """Run with these rules in force, lift them, run again if it failed, and look at what is there."""
        self._begin(rules)
        try:
            self.scenario.act()
        except ScorewrightError:
            self._again(name)
        else:
            self._judge(name)

    def kill(self, number: int, command: list[str]) -> None:
        """Run it in a process that is killed after a request has taken effect, then run it again."""
        self._begin([])
        child = subprocess.Popen(
            [sys.executable, "-m", "scorewright", *self.scenario.verb, *command],
            env=self.emulator.child_environment(fast=True),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.emulator.rules.add(Rule(Notify(lambda request: child.kill(), after=True), number=number))
        child.wait()
        self.emulator.settled()
        self._again(f"killed after {number}")

    def end(self) -> None:
        """Tell how many runs there were. Raises AssertionError with every one that went wrong."""
        log = logging.getLogger(__name__)
        log.info("%s: %d runs, %d wrong", self.scenario.name, self.cases, len(self.faults))
        for fault in self.faults:
            log.error(fault)
        assert self.cases
        assert not self.faults, "\n".join(self.faults)

    def _begin(self, rules: Iterable[Rule]) -> None:
        self.cases += 1
        self.azure.events.clear()
        self.emulator.restore(self.scenario.before)
        self.emulator.requests.clear()
        for rule in rules:
            self.emulator.rules.add(rule)

    def _again(self, name: str) -> None:
        self.emulator.calm()
        try:
            self.scenario.act()
        except ScorewrightError as error:
            self.faults.append(f"{name}: the second run failed: {error.to_dict()}")
        else:
            self._judge(name)

    def _judge(self, name: str) -> None:
        self.emulator.calm()
        story = [f"{event.subject}: {event.message}" for event in self.azure.events]
        self.faults += ["\n  ".join((f"{name}: {problem}", *story)) for problem in self._problems()]

    def _problems(self) -> Iterator[str]:
        world, after = self.emulator.world, self.scenario.after
        models = tuple(sorted(model.name for model in world.models))
        wanted = (["aks-gpu"], ["digits"]) if after is not None else ([], [])
        if (list(world.computes), list(world.services)) != wanted:
            yield f"clusters {list(world.computes)}, services {list(world.services)}"
        if models != (after or ()):
            yield f"models {models}"
        if after is None:
            return
        steps = self.azure.run.plan(self.scenario.spec).steps
        yield from (str(step) for step in steps if step.action is not Action.KEEP)
        left = self.azure.down(self.scenario.spec)
        world = self.emulator.world
        if left or world.computes or world.services or world.models:
            yield f"down left {left}, {list(world.services)}, {[model.name for model in world.models]}"
