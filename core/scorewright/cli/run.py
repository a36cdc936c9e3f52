"""What a verb works with: the deploy file, the deployer, and the ways to say something."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from scorewright.errors import ScorewrightError

from .terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import TextIO

    from scorewright.deployer import Deployer
    from scorewright.events import Emit, Event
    from scorewright.findings import Json
    from scorewright.plugins import PluginManager
    from scorewright.spec.models import Spec


@dataclass
class Run:
    """One run of a verb: the shared options, and what they lead to (loaded on first use)."""

    OPTIONS: ClassVar[tuple[str, ...]] = (
        "files",
        "target",
        "services",
        "sets",
        "output",
        "events",
        "quiet",
        "verbose",
        "yes",
    )

    files: tuple[Path, ...] = ()
    target: str = "local"
    services: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    output: str = "text"
    events: Path | None = None
    quiet: bool = False
    verbose: bool = False
    yes: bool = False
    _open: ExitStack = field(default_factory=ExitStack, repr=False)
    _events: TextIO | None = field(default=None, repr=False)

    def __enter__(self) -> Run:
        """Open the file of events, so that a bad path is told before anything is done."""
        if self.events is not None:
            self._events = self._open.enter_context(self.events.open("w", buffering=1, encoding="utf-8"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open; let the commands that a failure proposes lead to this run's file and target."""
        self._open.close()
        if isinstance(error, ScorewrightError):
            from .calls import addressed

            error.steps = tuple(addressed(step, self) for step in error.steps)

    @cached_property
    def plugins(self) -> PluginManager:
        """The plugins of this installation."""
        from scorewright.plugins import PluginManager

        return PluginManager.load()

    @cached_property
    def spec(self) -> Spec:
        """The deploy file, merged, overridden, and narrowed to the services that were named."""
        whole = self.whole_spec
        if not self.services:
            return whole
        return whole.only([known_service(whole, name) for name in self.services])

    @cached_property
    def whole_spec(self) -> Spec:
        """The deploy file with all of its services."""
        from scorewright.spec import load

        return load(list(self.files), sets=list(self.sets))

    @cached_property
    def deployer(self) -> Deployer:
        """The deployer of the target that was named."""
        from scorewright.deployer import Deployer

        return Deployer(target=self.target, plugins=self.plugins)

    def one_service(self, name: str | None) -> str:
        """The service that is meant: the one named, or the file's only one."""
        if name is not None:
            if known_service(self.whole_spec, name) not in self.spec.services:
                raise ScorewrightError("SW1908", f"--service leaves out {name}", steps=["leave out --service"])
            return name
        names = list(self.spec.services)
        if len(names) == 1:
            return names[0]
        raise ScorewrightError(
            "SW1908",
            "which service is meant?",
            cause="the deploy file has several",
            steps=[f"name one: {', '.join(names)}"],
        )

    def answer(self, data: Mapping[str, Json], text: Callable[[], str] | str = "") -> None:
        """Write the verb's answer to stdout: ``data`` as one JSON document, or ``text``, as was asked."""
        if self.output == "json":
            sys.stdout.write(json.dumps(data, indent=2) + "\n")
            return
        shown = text if isinstance(text, str) else text()
        if shown:
            echo(shown)

    def note(self, text: str) -> None:
        """Say something beside the answer, on stderr; not with ``--quiet``."""
        if not self.quiet:
            echo(text, err=True)

    def confirm(self, question: str, look: str | None = None) -> None:
        """Ask before something is changed. Without a terminal nothing is asked: ``--yes`` must have been given.

        ``look``: the command that shows what is at stake, if there is one.
        """
        if self.yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise ScorewrightError(
                "SW1902",
                "nothing was changed: there is no terminal to ask for consent",
                cause=question,
                steps=[*([f"look first: {look}"] if look else []), "repeat with --yes"],
            )
        import click

        if not click.confirm(question, err=True):
            raise ScorewrightError("SW1907", "nothing was changed: you said no")

    @contextmanager
    def observed(self) -> Iterator[Emit]:
        """Show events as progress and write them to ``--events`` while the block runs."""
        from .progress import progress

        with progress(quiet=self.quiet, verbose=self.verbose) as show:

            def emit(event: Event) -> None:
                if self._events is not None:
                    self._events.write(json.dumps(event.to_dict()) + "\n")
                show(event)

            yield emit


def known_service(spec: Spec, name: str) -> str:
    """The name itself, if the deploy file has such a service. Raises SW1908 with the nearest one if not."""
    if name in spec.services:
        return name
    import difflib

    near = difflib.get_close_matches(name, spec.services, n=1)
    steps = [f"did you mean {near[0]!r}?"] if near else []
    names = ", ".join(spec.services)
    raise ScorewrightError("SW1908", f"the deploy file has no service {name!r}", cause=f"it has: {names}", steps=steps)
