"""Finds, loads and keeps plugins. A plugin that fails is named with its distribution and takes nothing down.

Entry points of the group ``scorewright`` are loaded one by one, ours first, then by name: the order decides who owns a
name that two plugins want. There is no manager at module level: a run makes its own.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from . import hookspecs
from .errors import PluginError
from .findings import Finding, Level
from .framework import Framework
from .target import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .events import Event
    from .spec.models import ServiceSpec, Spec

R = TypeVar("R", Framework, Target)
_HOOKS = ("scorewright_frameworks", "scorewright_targets", "scorewright_check", "scorewright_event")
DISABLE = "SCOREWRIGHT_DISABLE_PLUGINS"
"""Environment variable: plugins not to load, by entry-point or distribution name, separated by commas."""


@dataclass(frozen=True)
class Plugin:
    """A plugin that is loaded. ``distribution`` and ``version`` are None for one that Python code registered."""

    name: str
    distribution: str | None = None
    version: str | None = None
    frameworks: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def __str__(self) -> str:
        origin = f" of {self.distribution} {self.version}" if self.distribution else ""
        return f"plugin {self.name!r}{origin}"


@dataclass(frozen=True)
class Problem:
    """A plugin that is not loaded, and why. ``code``: SW1102 to SW1105, one per kind of fault."""

    plugin: Plugin
    code: str
    reason: str

    def __str__(self) -> str:
        return f"{self.plugin}: {self.reason}"

    def finding(self) -> Finding:
        """The problem as a warning: what is left still works."""
        return Finding(Level.WARNING, self.code, str(self), hint=f"upgrade or uninstall it, or set {DISABLE}")


@dataclass
class PluginManager:
    """The plugins of one run. `PluginManager.load` fills one from what is installed; an empty one is for tests.

    ``frameworks``, ``targets``: the records by name. ``plugins``: what is loaded. ``problems``: what is not.
    ``disabled``: what was told not to load.
    """

    frameworks: dict[str, Framework] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    plugins: list[Plugin] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    disabled: list[Plugin] = field(default_factory=list)
    _owners: dict[tuple[str, str], Plugin] = field(default_factory=dict, repr=False)
    _objects: dict[str, tuple[Plugin, object]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._pluggy = pluggy.PluginManager(hookspecs.PROJECT)
        self._pluggy.add_hookspecs(hookspecs)

    @classmethod
    def load(cls) -> PluginManager:
        """A manager with every installed plugin that is not disabled; what fails is in ``problems``."""
        manager = cls()
        blocked = {name.strip() for name in os.environ.get(DISABLE, "").split(",")}
        for entry in sorted(metadata.entry_points(group=hookspecs.PROJECT), key=_order):
            plugin = _plugin(entry)
            if blocked & {plugin.name, plugin.distribution}:
                manager.disabled.append(plugin)
            else:
                manager._load(entry, plugin)
        return manager

    def register(self, plugin: object, name: str | None = None) -> Plugin:
        """Take in a module or object with hooks, as Python code made it. Raises `PluginError` if it is faulty."""
        described = Plugin(name or str(getattr(plugin, "__name__", type(plugin).__name__)))
        try:
            return self._register(plugin, described)
        except _Fault as fault:
            raise PluginError(fault.code, f"{described} cannot be used", cause=fault.reason) from fault.__cause__

    def framework(self, name: str) -> Framework:
        """The framework of that name. Raises `PluginError` (SW1101) with the nearest name and all that there are."""
        return self._find("framework", name, self.frameworks)

    def target(self, name: str) -> Target:
        """The target of that name. Raises `PluginError` (SW1101) with the nearest name and all that there are."""
        return self._find("target", name, self.targets)

    def check(self, spec: Spec, service: ServiceSpec) -> tuple[Finding, ...]:
        """What the plugins' own policies say of a service. A policy that fails is an error: it may not be skipped."""
        findings: list[Finding] = []
        for plugin, caller in self._callers("scorewright_check"):
            try:
                for answer in caller(spec=spec, service=service):
                    findings += _typed(answer, Finding, "scorewright_check")
            except Exception as error:  # a plugin may raise anything; it must be named, not end the run
                reason = str(error) if isinstance(error, _Fault) else f"scorewright_check raised {_said(error)}"
                findings.append(
                    Finding(Level.ERROR, "SW1106", f"{plugin}: {reason}", hint="its policy was not applied")
                )
        return tuple(findings)

    def event(self, event: Event) -> tuple[str, ...]:
        """Tell every plugin of an event; returns what went wrong, one line per plugin."""
        failures = []
        for plugin, caller in self._callers("scorewright_event"):
            try:
                caller(event=event)
            except Exception as error:  # an observer's failure never fails a run
                failures.append(f"{plugin}: scorewright_event raised {_said(error)}")
        return tuple(failures)

    def _load(self, entry: metadata.EntryPoint, plugin: Plugin) -> None:
        try:
            try:
                loaded = entry.load()
            except (Exception, SystemExit) as error:  # an import may raise anything
                raise _Fault("SW1102", f"importing {entry.value} raised {_said(error)}") from error
            self._register(loaded, plugin)
        except _Fault as fault:
            self.problems.append(Problem(plugin, fault.code, fault.reason))

    def _register(self, loaded: object, plugin: Plugin) -> Plugin:
        key = f"{plugin.distribution}:{plugin.name}"
        try:
            self._pluggy.register(loaded, key)
            self._check_hooks(loaded)
            found = self._collect(loaded, plugin)
        except pluggy.PluginValidationError as error:
            self._forget(loaded)
            raise _Fault("SW1103", f"{_said(error)}{_spelling(loaded)}") from error
        except ValueError as error:
            raise _Fault("SW1104", f"it is loaded already: {_said(error)}") from error
        except _Fault:
            self._forget(loaded)
            raise
        self._objects[key] = (found, loaded)
        self.plugins.append(found)
        return found

    def _check_hooks(self, loaded: object) -> None:
        self._pluggy.check_pending()
        if not self._pluggy.get_hookcallers(loaded):
            raise _Fault("SW1103", f"it has none of the hooks {', '.join(_HOOKS)}; mark them with scorewright.hookimpl")

    def _forget(self, loaded: object) -> None:
        if self._pluggy.is_registered(loaded):
            self._pluggy.unregister(loaded)

    def _collect(self, loaded: object, plugin: Plugin) -> Plugin:
        frameworks = self._records(loaded, Framework, "scorewright_frameworks")
        targets = self._records(loaded, Target, "scorewright_targets")
        for kind, records in (("framework", frameworks), ("target", targets)):
            for record in records:
                self._refuse_clash(kind, record, plugin)
        found = Plugin(
            plugin.name,
            plugin.distribution,
            plugin.version,
            frameworks=tuple(record.name for record in frameworks),
            targets=tuple(record.name for record in targets),
        )
        self.frameworks.update({record.name: record for record in frameworks})
        self.targets.update({record.name: record for record in targets})
        self._owners.update({("framework", name): found for name in found.frameworks})
        self._owners.update({("target", name): found for name in found.targets})
        return found

    def _records(self, loaded: object, kind: type[R], hook: str) -> list[R]:
        others = [plugin for plugin in self._pluggy.get_plugins() if plugin is not loaded]
        try:
            answers = self._pluggy.subset_hook_caller(hook, others)()
            records = [record for answer in answers for record in _typed(answer, kind, hook)]
        except _Fault:
            raise
        except Exception as error:  # a plugin may raise anything; it must be named, not end the run
            raise _Fault("SW1102", f"{hook} raised {_said(error)}") from error
        for record in records:
            if record.api > hookspecs.API:
                raise _Fault(
                    "SW1105",
                    f"{record.name!r} is written for version {record.api} of the plugin API, "
                    f"this scorewright has {hookspecs.API}: upgrade scorewright",
                )
        if len({record.name for record in records}) < len(records):
            raise _Fault("SW1104", f"{hook} returns one name twice")
        return records

    def _refuse_clash(self, kind: str, record: Framework | Target, plugin: Plugin) -> None:
        owner = self._owners.get((kind, record.name))
        if owner is not None:
            raise _Fault("SW1104", f"the {kind} {record.name!r} of {plugin} is already that of {owner}")

    def _callers(self, hook: str) -> Iterable[tuple[Plugin, Any]]:
        everything = self._pluggy.get_plugins()
        for plugin, loaded in self._objects.values():
            yield plugin, self._pluggy.subset_hook_caller(hook, everything - {loaded})

    def _find(self, kind: str, name: str, records: Mapping[str, R]) -> R:
        if name in records:
            return records[name]
        near = difflib.get_close_matches(name, records, n=1)
        installed = f"installed: {', '.join(sorted(records)) or 'none'}"
        steps = [f"write {near[0]!r}"] if near else ["install the plugin that brings it"]
        steps += [f"repair {problem}" for problem in self.problems]
        steps += [f"take {plugin.name!r} out of {DISABLE}" for plugin in self.disabled]
        raise PluginError("SW1101", f"there is no {kind} {name!r}", cause=installed, steps=steps)


class _Fault(Exception):
    """What is wrong with one plugin; becomes a `Problem` or a `PluginError`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def _plugin(entry: metadata.EntryPoint) -> Plugin:
    if entry.dist is None:
        return Plugin(entry.name)
    return Plugin(entry.name, entry.dist.name, entry.dist.version)


def _order(entry: metadata.EntryPoint) -> tuple[bool, str, str, str]:
    distribution = entry.dist.name if entry.dist else ""
    return distribution != hookspecs.PROJECT, entry.name, distribution, entry.value


def _typed(answer: object, kind: type[Any], hook: str) -> list[Any]:
    """The items of what a hook returned, each of the right type."""
    if answer is None or isinstance(answer, str | bytes) or not hasattr(answer, "__iter__"):
        raise _Fault("SW1103", f"{hook} returned a {type(answer).__name__}, not a list of {kind.__name__}")
    items = list(answer)
    for item in items:
        if not isinstance(item, kind):
            raise _Fault("SW1103", f"{hook} returned a {type(item).__name__} where a {kind.__name__} belongs")
    return items


def _spelling(loaded: object) -> str:
    """The nearest hook names for the misspelt ones."""
    marked = [
        name
        for name in dir(loaded)
        if hasattr(getattr(loaded, name, None), f"{hookspecs.PROJECT}_impl") and name not in _HOOKS
    ]
    near = [f"{name} should be {match}" for name in marked for match in difflib.get_close_matches(name, _HOOKS, n=1)]
    return f" ({', '.join(near)})" if near else ""


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
