"""Chooses the release: the one asked for if it can be had, else the nearest that can, else the newest tested that fits.

The order of the questions is that of cost: the VM size first, then releases, then their builds. Every choice and every
rejection leaves one line that names the facts it rests on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scorewright import catalogue as facts
from scorewright.errors import PluginError
from scorewright.findings import Finding, Level

from . import answer, machine
from .fit import by_version, find_image, minor, newest_patch, numbers
from .judge import judge_release, written
from .types import DEFAULT_SIZE, SERVER, Need, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scorewright.catalogue import Catalogue
    from scorewright.catalogue.models import Release
    from scorewright.framework import Resolution

    from .machine import Found
    from .types import Verdict


@dataclass(frozen=True)
class Decision:
    """What a need comes to.

    ``against``: why the very thing that was asked for cannot be had; empty means that ``resolution`` is it. Otherwise
    ``resolution`` is the closest that works. ``vm_size``: the size it is for, where that is not the one asked for.
    """

    resolution: Resolution
    against: tuple[Reason, ...]
    vm_size: str | None

    @property
    def ok(self) -> bool:
        """What was asked for can be had."""
        return not self.against


def resolve(need: Need, catalogue: Catalogue | None = None) -> Resolution:
    """The environment for a need; the closest that works, with an error in its findings, where the need cannot be met.

    Raises `PluginError` (SW1309) if the catalogue has nothing of the framework that can be served at all.
    """
    return decide(need, catalogue).resolution


def decide(need: Need, catalogue: Catalogue | None = None) -> Decision:
    """The verdict on a need, reason by reason. Raises as `resolve`."""
    book = catalogue or facts.shipped()
    if not book.releases(need.framework):
        raise PluginError(
            "SW1309",
            f"the catalogue has no releases of {need.framework}",
            steps=["Add them to scorewright-catalogue.yaml, or have the plugin bring its facts."],
        )
    return _Work(need, book).decide()


class _Work:
    """One decision. ``lines``, ``findings`` and ``against`` grow as it goes."""

    def __init__(self, need: Need, book: Catalogue) -> None:
        self.need = need
        self.book = book
        self.releases: Mapping[str, Release] = book.releases(need.framework)
        self.newest = list(reversed(by_version(self.releases)))
        self.found: Found = machine.find(need.vm_size if need.gpu else None, book)
        self.lines: list[Reason] = []
        self.findings: list[Finding] = []
        self.against: list[Reason] = [*self.found.against]
        self.refused: Sequence[Verdict] = ()

    def decide(self) -> Decision:
        self._tell_machine()
        self._check_python()
        self._check_writer()
        verdict = self._asked() if self.need.version else self._best(self.need)
        if verdict is None:
            verdict = self._closest()
        self._tell_newer(verdict)
        resolution = answer.resolution(self.need, verdict, self.found.machine, self.lines, self.findings)
        used = self.found.machine.size.size if self.found.machine else None
        return Decision(resolution, tuple(self.against), used if used != self.need.vm_size else None)

    def _tell_machine(self) -> None:
        self.lines += self.found.against
        if self.found.doubt is not None:
            self.lines.append(self.found.doubt)
        if self.found.machine is not None:
            self.lines.append(answer.machine_line(self.found.machine))

    def _check_python(self) -> None:
        """A Python that the scoring server does not run on is refused at once, and the rest decided without it."""
        server = self.book.servers[SERVER]
        if self.need.python is None or self.need.python in server.pythons:
            return
        text = f"the scoring server runs on Python {server.pythons[0]} to {server.pythons[-1]}, not on"
        reason = Reason(f"{text} {self.need.python}", (f"servers/{SERVER}",))
        self._refuse(reason, "SW1308", f"take one of {', '.join(server.pythons)}, or leave the Python to scorewright")
        self.need = replace(self.need, python=None)

    def _check_writer(self) -> None:
        """A model that was written by a release newer than any known is taken as one of the newest."""
        writer = written(self.need)
        if writer is None or writer[:2] <= minor(self.newest[0]):
            return
        message = (
            f"the model was written by {self.need.framework} {self.need.written_by}, which is not in the catalogue"
        )
        hint = "it may load all the same; if not, add a row for that version to scorewright-catalogue.yaml"
        self._warn("SW1302", Reason(message, (f"{self.need.framework}/{self.newest[0]}",)), hint)
        self.need = replace(self.need, written_by=None)

    def _best(self, need: Need) -> Verdict | None:
        """The newest tested release that fits; if none does, the newest that fits."""
        tested = [key for key in self.newest if self.releases[key].tested]
        order = [*tested, *(key for key in self.newest if key not in tested)]
        found = self._first(need, order)
        if found is None and need.written_by is not None:
            found = self._first(replace(need, written_by=None), order)
            if found is not None:
                self._warn_older(found.release.minor)
        return found

    def _first(self, need: Need, minors: Sequence[str], patch: str | None = None) -> Verdict | None:
        """The first release that can be taken; `refused` holds the verdicts that were passed over."""
        passed: list[Verdict] = []
        for key in minors:
            verdicts = judge_release(need, self.releases[key], patch, self.found.machine, self.book)
            if verdicts and verdicts[0].ok:
                taken = verdicts[0]
                same = [] if taken.build is None or taken.build.default else verdicts[1:]
                self.lines += _rejections([*passed, *(other for other in same if not other.ok)])
                return taken
            passed += verdicts
        self.refused = passed
        return None

    def _asked(self) -> Verdict | None:
        """The version that was asked for, or None where it cannot be had."""
        asked = self.need.version or ""
        wanted = numbers(asked)
        matching = [key for key in self.newest if minor(key)[: len(wanted)] == wanted[:2]]
        exact = asked if len(wanted) > 2 else None
        if matching and self.need.gpu and not any(self.releases[key].patches for key in matching):
            fact = f"{self.need.framework}/{matching[0]}"
            self._refuse(
                Reason(f"no GPU build of {self.need.framework} {asked} is on the package index any more", (fact,))
            )
            return None
        if not matching or (exact and wanted > newest_patch(self.releases[matching[0]])):
            return self._guess(asked, matching)
        order = sorted(matching, key=lambda key: not self.releases[key].tested)
        verdict = self._first(self.need, order, exact)
        if verdict is None:
            self.lines += _rejections(self.refused)
            self.against += _least(self.refused)
        elif (writer := written(self.need)) is not None and writer[:2] > minor(verdict.release.minor):
            self._warn_older(asked)
        return verdict

    def _guess(self, asked: str, matching: Sequence[str]) -> Verdict:
        """A version that the catalogue does not know, taken as the nearest known one: warned of, never refused."""
        wanted = numbers(asked)
        usable = [key for key in self.newest if self.releases[key].pythons]
        near = matching[0] if matching else min(usable, key=lambda key: _distance(minor(key), wanted))
        row = self.releases[near]
        guess = row.model_copy(update={"latest": asked, "patches": (*row.patches, asked), "pythons_by_patch": {}})
        loose = replace(self.need, version=None, written_by=None)
        best = judge_release(loose, guess, asked, self.found.machine, self.book)[0]
        text = f"{self.need.framework} {asked} is not in the catalogue; taken as {near} would be"
        hint = f'add a row for it to scorewright-catalogue.yaml, or ask for "{near}"'
        self._warn("SW1302", Reason(text, (f"{self.need.framework}/{near}",)), hint)
        for reason in best.against:
            hint = f"so it is with {near}; if {asked} is no different, ask for another version"
            self._warn("SW1302", replace(reason, text=f"{best.name} {reason.text}"), hint)
        asked_python = (self.need.python,) if self.need.python else ()
        pythons = asked_python or best.pythons or self.book.servers[SERVER].pythons
        return replace(best, pythons=pythons, image=best.image or find_image(None, None, self.book.images))

    def _closest(self) -> Verdict:
        """Something that works, given that what was asked for does not."""
        asked = self.need.version
        reasons = "; ".join(reason.text for reason in self.against[len(self.found.against) :])
        free = replace(self.need, version=None)
        verdict = (self._near(asked, free) if asked else None) or self._best(free)
        if verdict is None:
            return self._without(free)
        if asked:
            message = f"{self.need.framework} {asked} cannot serve here: {reasons or 'no build of it is known'}"
            hint = f'ask for version "{verdict.release.minor}", which fits'
            self.findings.append(Finding(Level.ERROR, "SW1303", message, hint=hint, path="framework.version"))
        return verdict

    def _near(self, asked: str, free: Need) -> Verdict | None:
        """The release nearest to the one asked for, within its major."""
        wanted = numbers(asked)
        same = [key for key in self.newest if minor(key)[0] == wanted[0]]
        return self._first(free, sorted(same, key=lambda key: _distance(minor(key), wanted)))

    def _without(self, free: Need) -> Verdict:
        """Nothing fits: say why, then give up the Python and what the model needs, and at last the VM size."""
        reasons = _least(self.refused)
        self.lines += _rejections(self.refused)
        self.against += reasons
        because = "; ".join(reason.text for reason in reasons) or "no build is known"
        bare = replace(free, python=None, written_by=None, opset=None, ir=None)
        hint = f"take another Python than {free.python}" if free.python else "save the model for an older version"
        verdict = self._best(bare)
        if verdict is None:
            self.found = machine.find(DEFAULT_SIZE, self.book)
            verdict = self._best(bare) or self._best(replace(bare, gpu=False))
            hint = f"take a VM size such as {DEFAULT_SIZE}"
        if verdict is None:
            raise PluginError("SW1309", f"no release of {self.need.framework} in the catalogue can be served")
        message = f"no {self.need.framework} release fits: {because}"
        self.findings.append(Finding(Level.ERROR, "SW1304", message, hint=hint, path="framework"))
        return verdict

    def _tell_newer(self, taken: Verdict) -> None:
        """Name the newer releases that would have fitted, where none was asked for."""
        if self.need.version is not None or not taken.release.tested:
            return
        newer = [key for key in self.newest if minor(key) > minor(taken.release.minor)]
        free = replace(self.need, written_by=None)
        fitting = [
            key
            for key in newer
            if (verdicts := judge_release(free, self.releases[key], None, self.found.machine, self.book))
            and verdicts[0].ok
        ]
        if fitting:
            text = f"{self.need.framework} {', '.join(fitting)} would fit too; taken only when asked for"
            named = tuple(f"{self.need.framework}/{key}" for key in fitting)
            self.lines.append(Reason(f"{text}: this scorewright is tested with {taken.release.minor}", named))

    def _refuse(self, reason: Reason, code: str | None = None, hint: str | None = None) -> None:
        self.against.append(reason)
        self.lines.append(reason)
        if code is not None:
            self.findings.append(Finding(Level.ERROR, code, reason.text, hint=hint, path="framework"))

    def _warn(self, code: str, reason: Reason, hint: str) -> None:
        self.lines.append(reason)
        self.findings.append(Finding(Level.WARNING, code, reason.text, hint=hint, path="framework.version"))

    def _warn_older(self, served: str) -> None:
        text = f"the model was written by {self.need.written_by} and is served by the older {served}"
        hint = f"serve it with {self.need.written_by} or later where that fits, or save it for the older version"
        self._warn("SW1307", Reason(text, (f"{self.need.framework}/{'.'.join(served.split('.')[:2])}",)), hint)


def _rejections(verdicts: Sequence[Verdict]) -> list[Reason]:
    """One line for each thing that speaks against each verdict."""
    return [
        Reason(f"{verdict.name}: no: {why.text}", why.facts)
        for verdict in verdicts
        for why in (*verdict.against, *([verdict.caution] if verdict.caution and verdict.against else []))
    ]


def _least(verdicts: Sequence[Verdict]) -> list[Reason]:
    """What speaks against the verdict that has least against it."""
    best = min(verdicts, key=lambda verdict: len(verdict.against), default=None)
    return [Reason(f"{best.name} {why.text}", why.facts) for why in best.against] if best else []


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int, bool]:
    """How far apart two minors are: majors first; at the same distance the newer one is nearer."""
    near, far = (*one, 0, 0)[:2], (*other, 0, 0)[:2]
    return abs(near[0] - far[0]), abs(near[1] - far[1]) if near[0] == far[0] else -near[1], near < far
