"""From a deploy file to its lock and from the lock to bundles and checks, with the real uv and a folder as index."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement as PipRequirement

from scorewright import hookspecs
from scorewright.bundle import build
from scorewright.checks import CheckContext
from scorewright.checks.lock import closure, freshness
from scorewright.errors import CheckError, ScorewrightError
from scorewright.lock import FILE, read
from scorewright.lock.update import update
from scorewright.plugins import PluginManager
from scorewright.resolve import resolve
from scorewright.server_stack import JSON, LANE
from scorewright.spec import load
from scorewright.testing import MemoryTarget, echo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scorewright.events import Event
    from scorewright.findings import Finding
    from scorewright.framework import Framework
    from scorewright.lock.update import Update
    from scorewright.spec.models import Spec

    from .conftest import Publish


class Echo:
    """A plugin with the echo framework."""

    @hookspecs.hookimpl
    def scorewright_frameworks(self) -> Iterable[Framework]:
        return [echo.ECHO]


class Project:
    """A folder with a deploy file of echo services."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plugins = PluginManager()
        self.plugins.register(Echo(), name="echo")
        self.events: list[Event] = []
        echo.write_model(folder / "model.echo")

    def spec(self, **services: dict[str, Any]) -> Spec:
        path = self.folder / "deploy.yaml"
        named = {name: {"model": {"path": "model.echo"}, **said} for name, said in services.items()}
        path.write_text(json.dumps({"scorewright": 1, "services": named}))
        return load(path)

    def update(self, spec: Spec, *, upgrade: bool = False, dry: bool = False) -> Update:
        return update(spec, self.plugins, self.events.append, upgrade=upgrade, dry=dry)

    def findings(self, spec: Spec) -> list[Finding]:
        context = CheckContext(spec, resolve(spec, self.plugins), MemoryTarget().record, self.plugins)
        return [*freshness(context), *closure(context)]

    def pip(self, spec: Spec, service: str) -> list[Any]:
        bundle = build(resolve(spec, self.plugins).services[service])
        lines = bundle.environment["pip"]
        assert isinstance(lines, list)
        return lines


@pytest.fixture
def project(tmp_path: Path, publish: Publish) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    publish("azureml-inference-server-http", "1.5.1", "flask")
    publish("flask", "3.1.3")
    publish("numpy", "2.0.0")
    for ours in OURS:
        publish(ours.name, str(ours.specifier).removeprefix("=="))
    return Project(folder)


OURS = [PipRequirement(requirement.gpu) for requirement in (*LANE, *JSON)]
HERE = [
    f"{ours.name}{ours.specifier}"
    for ours in OURS
    if ours.marker is None or ours.marker.evaluate({"python_version": "3.11"})
]
ALL = tuple(sorted(["azureml-inference-server-http==1.5.1", "flask==3.1.3", "numpy==2.0.0", *HERE]))


def test_a_bundle_is_built_from_the_lock(project: Project) -> None:
    spec = project.spec(mnist={})
    assert "flask==3.1.3" not in project.pip(spec, "mnist")
    done = project.update(spec)
    assert (done.changed, done.stale) == (True, ("mnist",))
    assert read(project.folder / FILE).services["mnist"].packages == ALL
    assert project.pip(spec, "mnist") == list(ALL)
    assert project.findings(spec) == []


def test_an_unchanged_spec_resolves_nothing(project: Project) -> None:
    spec = project.spec(mnist={}, other={})
    first = project.update(spec)
    assert first.stale == ("mnist", "other")
    assert len([event for event in project.events if event.kind == "step.started"]) == 1, "the same packages, once"
    project.events.clear()
    again = project.update(spec)
    assert (again.changed, again.stale, project.events) == (False, (), [])


def test_a_changed_spec_makes_the_lock_stale_for_that_service_alone(project: Project, publish: Publish) -> None:
    project.update(project.spec(mnist={}, other={}))
    publish("extra", "1.0")
    publish("numpy", "2.1.0")
    spec = project.spec(mnist={"packages": {"pip": ["extra"]}}, other={})
    (finding,) = project.findings(spec)
    assert (finding.code, finding.level, finding.path) == ("SW1323", "warning", "services.mnist")
    assert "extra" in project.pip(spec, "mnist"), "a stale lock is not used"
    looked = project.update(spec, dry=True)
    assert (looked.stale, looked.existed) == (("mnist",), True)
    assert project.update(spec).stale == ("mnist",)
    assert read(project.folder / FILE).services["mnist"].packages == tuple(sorted([*ALL, "extra==1.0"]))


def test_upgrading_takes_what_is_new(project: Project, publish: Publish) -> None:
    spec = project.spec(mnist={})
    project.update(spec)
    publish("numpy", "2.1.0")
    assert not project.update(spec).changed
    assert project.update(spec, upgrade=True).changed
    assert "numpy==2.1.0" in read(project.folder / FILE).services["mnist"].packages


def test_services_that_are_gone_leave_the_lock_but_not_with_a_narrowed_spec(project: Project) -> None:
    both = project.spec(mnist={}, other={})
    project.update(both)
    assert set(project.update(both.only(["mnist"])).lock.services) == {"mnist", "other"}
    assert set(project.update(project.spec(mnist={})).lock.services) == {"mnist"}


def test_a_new_service_is_told(project: Project) -> None:
    project.update(project.spec(mnist={}))
    (finding,) = project.findings(project.spec(mnist={}, other={}))
    assert (finding.code, finding.path) == ("SW1324", "services.other")


def test_an_import_of_the_handler_that_nothing_brings_is_refused(project: Project, publish: Publish) -> None:
    (project.folder / "handler.py").write_text("def postprocess(outputs):\n    import scipy\n    return outputs\n")
    spec = project.spec(mnist={"handler": "handler.py"})
    project.update(spec)
    (finding,) = project.findings(spec)
    assert (finding.code, finding.level, finding.path) == ("SW1325", "error", "services.mnist.handler")
    assert "handler.py:2" in finding.message and "[scipy]" in (finding.hint or "")
    publish("scipy", "1.20")
    spec = project.spec(mnist={"handler": "handler.py", "packages": {"pip": ["scipy"]}})
    project.update(spec)
    assert project.findings(spec) == []


def test_locked_packages_that_do_not_go_together_are_refused(project: Project, publish: Publish) -> None:
    publish("pandas", "1.5.3")
    spec = project.spec(mnist={"packages": {"pip": ["pandas"]}})
    project.update(spec)
    (finding,) = project.findings(spec)
    assert (finding.code, finding.level) == ("SW1310", "error")
    assert "pandas" in finding.message


def test_a_broken_lock_is_told_and_not_used(project: Project) -> None:
    spec = project.spec(mnist={})
    (project.folder / FILE).write_text("<<<<<<< HEAD\n")
    (finding,) = project.findings(spec)
    assert (finding.code, finding.level) == ("SW1320", "error")
    assert "numpy==2.0.0" not in project.pip(spec, "mnist")
    with pytest.raises(ScorewrightError, match="not a lock file"):
        project.update(spec)


def test_what_cannot_be_resolved_cannot_be_locked(project: Project) -> None:
    spec = project.spec(mnist={"model": {"path": "nothing.echo"}})
    with pytest.raises(CheckError) as caught:
        project.update(spec)
    assert caught.value.code == "SW1326"
    assert not (project.folder / FILE).exists()
