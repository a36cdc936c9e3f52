"""One plugin's fault is named and takes nothing else down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scorewright import hookspecs
from scorewright.errors import PluginError
from scorewright.events import Event
from scorewright.findings import Finding, Level
from scorewright.framework import Framework
from scorewright.plugins import DISABLE, Plugin, PluginManager
from scorewright.spec.models import Spec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scorewright.spec.models import ServiceSpec

    from .conftest import Install

HEAD = """
from scorewright.framework import Framework
from scorewright.hookspecs import hookimpl

def framework(name, api=1):
    return Framework(name, "for tests", detect=None, inspect=None, resolve=None, script=None, api=api)
"""
GOOD = HEAD + "@hookimpl\ndef scorewright_frameworks():\n    return [framework('acme')]\n"
SPEC = Spec.model_validate({"scorewright": 1, "services": {"mnist": {"model": {"name": "mnist"}}}})


def problem(manager: PluginManager, distribution: str) -> str:
    """What the manager says of that distribution's plugin; it says one thing."""
    (found,) = [str(problem) for problem in manager.problems if problem.plugin.distribution == distribution]
    return found


def record(name: str, api: int = 1) -> Framework:
    return Framework(
        name,
        "for tests",
        detect=lambda _: None,
        inspect=lambda _: pytest.fail("not called"),
        resolve=lambda _: pytest.fail("not called"),
        script=lambda _: pytest.fail("not called"),
        api=api,
    )


class Brings:
    """A plugin with one framework."""

    def __init__(self, name: str) -> None:
        self.name = name

    @hookspecs.hookimpl
    def scorewright_frameworks(self) -> Iterable[Framework]:
        return [record(self.name)]


def test_an_installed_plugin_is_loaded_with_its_distribution(install: Install) -> None:
    install("acme-scorewright", GOOD, version="2.1")
    manager = PluginManager.load()
    assert manager.framework("acme").summary == "for tests"
    assert Plugin("acme_scorewright", "acme-scorewright", "2.1", frameworks=("acme",)) in manager.plugins


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import a_module_that_nobody_has", "importing broken_one raised ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "raised SystemExit: 3"),
        ("def f(:", "SyntaxError"),
        ("", "it has none of the hooks"),
        (HEAD + "@hookimpl\ndef scorewright_framework():\n    return []\n", "should be scorewright_frameworks"),
        (HEAD + "@hookimpl\ndef scorewright_check(specc):\n    return []\n", "specc"),
        (
            HEAD + "@hookimpl\ndef scorewright_frameworks():\n    raise KeyError('weights')\n",
            "raised KeyError: 'weights'",
        ),
        (HEAD + "@hookimpl\ndef scorewright_frameworks():\n    return framework('x')\n", "returned a Framework, not a"),
        (HEAD + "@hookimpl\ndef scorewright_frameworks():\n    return ['x']\n", "a str where a Framework belongs"),
        (HEAD + "@hookimpl\ndef scorewright_targets():\n    return [framework('x')]\n", "where a Target belongs"),
        (HEAD + "@hookimpl\ndef scorewright_frameworks():\n    return [framework('x', 2)]\n", "upgrade scorewright"),
        (HEAD + "@hookimpl\ndef scorewright_frameworks():\n    return [framework('x')] * 2\n", "one name twice"),
    ],
)
def test_a_faulty_plugin_is_named_and_the_others_work(install: Install, code: str, reason: str) -> None:
    install("acme-scorewright", GOOD)
    install("broken-one", code, version="0.3")
    manager = PluginManager.load()
    said = problem(manager, "broken-one")
    assert "plugin 'broken_one' of broken-one 0.3" in said
    assert reason in said
    assert set(manager.frameworks) >= {"acme"}
    assert "x" not in manager.frameworks


def test_a_name_that_two_plugins_want_stays_with_the_first_and_both_are_named(install: Install) -> None:
    install("zeta-plugin", GOOD)
    install("alpha-plugin", GOOD)
    manager = PluginManager.load()
    said = problem(manager, "zeta-plugin")
    assert "'zeta_plugin' of zeta-plugin 1.0 is already that of plugin 'alpha_plugin' of alpha-plugin 1.0" in said


def test_two_distributions_may_use_one_entry_point_name(install: Install) -> None:
    install("first-plugin", GOOD, entry="same")
    install("second-plugin", GOOD.replace("acme", "other"), entry="same")
    manager = PluginManager.load()
    assert set(manager.frameworks) >= {"acme", "other"}


def test_a_half_registered_plugin_leaves_no_hook_behind(install: Install) -> None:
    code = HEAD + "@hookimpl\ndef scorewright_event(event):\n    raise RuntimeError\n"
    install("broken-one", code + "@hookimpl\ndef scorewright_frameworks():\n    return 3\n")
    manager = PluginManager.load()
    assert manager.problems
    assert manager.event(Event("plan", "hello")) == ()


@pytest.mark.parametrize("name", ["acme_scorewright", "acme-scorewright"])
def test_a_plugin_can_be_disabled(install: Install, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    install("acme-scorewright", GOOD)
    monkeypatch.setenv(DISABLE, f"other, {name}")
    manager = PluginManager.load()
    assert "acme" not in manager.frameworks
    assert [plugin.name for plugin in manager.disabled] == ["acme_scorewright"]


def test_an_unknown_name_is_answered_with_the_nearest_and_with_all() -> None:
    manager = PluginManager()
    manager.register(Brings("tensorflow"), name="first")
    manager.register(Brings("onnx"), name="second")
    with pytest.raises(PluginError) as caught:
        manager.framework("tensorflwo")
    assert caught.value.code == "SW1101"
    assert caught.value.cause == "installed: onnx, tensorflow"
    assert caught.value.steps[0] == "write 'tensorflow'"


def test_an_unknown_name_points_at_the_plugins_that_failed(install: Install) -> None:
    install("broken-one", "import a_module_that_nobody_has")
    with pytest.raises(PluginError) as caught:
        PluginManager.load().target("moon")
    assert any("a_module_that_nobody_has" in step for step in caught.value.steps)


def test_a_faulty_plugin_cannot_be_registered() -> None:
    manager = PluginManager()
    manager.register(Brings("acme"), name="first")
    clash = Brings("acme")
    for _ in range(2):  # a refusal leaves nothing behind, so the second says the same
        with pytest.raises(PluginError) as caught:
            manager.register(clash, name="second")
    assert "'second' is already that of plugin 'first'" in str(caught.value.cause)
    assert [plugin.name for plugin in manager.plugins] == ["first"]


class Policy:
    """A plugin with a policy that does what it is told."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    @hookspecs.hookimpl
    def scorewright_check(self, service: ServiceSpec) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_policies_add_findings() -> None:
    finding = Finding(Level.WARNING, "ACME1", "ask first")
    manager = PluginManager()
    manager.register(Policy([finding]), name="policy")
    assert manager.check(SPEC, SPEC.services["mnist"]) == (finding,)


@pytest.mark.parametrize("answer", [ValueError("oops"), ["text"], 3])
def test_a_policy_that_fails_is_an_error_and_the_others_are_still_asked(answer: object) -> None:
    finding = Finding(Level.WARNING, "ACME1", "ask first")
    manager = PluginManager()
    manager.register(Policy(answer), name="broken")
    manager.register(Policy([finding]), name="policy")
    first, second = manager.check(SPEC, SPEC.services["mnist"])
    assert (first.level, first.code) == (Level.ERROR, "SW1106")
    assert "plugin 'broken'" in first.message
    assert second == finding


def test_an_observer_that_fails_is_reported_and_the_others_are_told() -> None:
    class Observer:
        def __init__(self, fails: bool) -> None:
            self.fails = fails
            self.seen: list[str] = []

        @hookspecs.hookimpl
        def scorewright_event(self, event: Event) -> None:
            self.seen.append(event.message)
            if self.fails:
                raise OSError("no network")

    manager = PluginManager()
    bad, good = Observer(True), Observer(False)
    manager.register(bad, name="bad")
    manager.register(good, name="good")
    assert manager.event(Event("plan", "hello")) == ("plugin 'bad': scorewright_event raised OSError: no network",)
    assert good.seen == ["hello"]
