"""What is wrong with a user's files or a plugin is a finding at its place, and what can be resolved is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from scorewright import hookspecs
from scorewright.findings import Finding, Level
from scorewright.framework import Detection, DetectRequest, Inspection
from scorewright.plugins import PluginManager
from scorewright.resolve import Resolved, resolve
from scorewright.signature import TensorSpec
from scorewright.spec import load
from scorewright.testing import echo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scorewright.catalogue import Extension
    from scorewright.framework import Framework, Resolution, ResolveRequest


class Brings:
    """A plugin with one framework."""

    def __init__(self, framework: Framework) -> None:
        self.framework = framework

    @hookspecs.hookimpl
    def scorewright_frameworks(self) -> Iterable[Framework]:
        return [self.framework]


def resolved(folder: Path, *frameworks: Framework, **services: dict[str, Any]) -> Resolved:
    """Resolve a deploy file with these services; dashes in names are written as underscores."""
    plugins = PluginManager()
    for framework in frameworks or (echo.ECHO,):
        plugins.register(Brings(framework), name=framework.name)
    path = folder / "deploy.yaml"
    path.write_text(json.dumps({"scorewright": 1, "services": services}, indent=2))
    return resolve(load(path), plugins)


def only(found: Resolved) -> Finding:
    (finding,) = found.findings
    return finding


def test_everything_is_found_out_from_the_model_alone(tmp_path: Path) -> None:
    path = echo.write_model(tmp_path / "model.echo", width=4)
    found = resolved(tmp_path, mnist={"model": {"path": path.name}})
    service = found.services["mnist"]
    assert found.findings == ()
    assert (service.framework.name, service.detection.format, service.model_name) == ("echo", "echo", "mnist")
    assert service.inspection.signature is not None
    assert service.inspection.signature.inputs == (TensorSpec("x", "float32", (None, 4)),)
    assert service.resolution.version == "1.0"


def test_the_targets_default_decides_about_the_gpu_only_where_the_file_does_not(tmp_path: Path) -> None:
    path = echo.write_model(tmp_path / "model.echo").name
    (tmp_path / "deploy.yaml").write_text(
        json.dumps(
            {
                "scorewright": 1,
                "services": {"one": {"model": {"path": path}}, "two": {"model": {"path": path}, "gpu": "off"}},
            }
        )
    )
    plugins = PluginManager()
    plugins.register(echo)
    found = resolve(load(tmp_path / "deploy.yaml"), plugins, gpu_default="prefer")
    assert {name: service.gpu for name, service in found.services.items()} == {"one": "prefer", "two": "off"}


@pytest.mark.parametrize(("gpu", "cuda"), [(None, True), ("require", True), ("prefer", True), ("off", False)])
def test_the_packages_carry_cuda_unless_the_file_says_off(tmp_path: Path, gpu: str | None, cuda: bool) -> None:
    asked: list[ResolveRequest] = []

    def packages(request: ResolveRequest) -> Resolution:
        asked.append(request)
        return echo.resolve(request)

    echo.write_model(tmp_path / "good.echo")
    framework = replace(echo.ECHO, resolve=packages)
    service = {"model": {"path": "good.echo"}, "gpu": gpu, "framework": {"name": "echo", "version": "3"}}
    resolved(tmp_path, framework, mnist=service)
    assert [(request.gpu, request.version, request.written_by) for request in asked] == [(cuda, "3", "1.0")]


def test_all_faults_of_all_services_are_told_at_once_each_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    echo.write_model(tmp_path / "good.echo")
    found = resolved(
        tmp_path,
        good={"model": {"path": "good.echo"}},
        gone={"model": {"path": "gone.echo"}},
        text={"model": {"path": "notes.txt"}},
        typo={"model": {"path": "good.echo"}, "framework": "ecko"},
        registered={"model": {"name": "other"}},
    )
    assert list(found.services) == ["good"]
    assert [(finding.code, finding.path) for finding in found.findings] == [
        ("SW1281", "services.gone.model.path"),
        ("SW1282", "services.text.model.path"),
        ("SW1101", "services.typo.framework"),
        ("SW1284", "services.registered.model.name"),
    ]
    lines = (tmp_path / "deploy.yaml").read_text().splitlines()
    for finding in found.findings:
        assert finding.level is Level.ERROR
        assert finding.location is not None
        assert str(finding.path).rsplit(".", 1)[-1] in lines[finding.location.line - 1]


def test_a_model_of_another_framework_than_the_one_named_is_answered_with_the_right_one(tmp_path: Path) -> None:
    echo.write_model(tmp_path / "good.echo")
    deaf = replace(echo.ECHO, name="deaf", detect=lambda request: None)
    service = {"model": {"path": "good.echo"}, "framework": "deaf"}
    finding = only(resolved(tmp_path, echo.ECHO, deaf, mnist=service))
    assert (finding.code, finding.path, finding.hint) == ("SW1282", "services.mnist.framework", "write framework: echo")
    assert "not a model that deaf knows; echo does" in finding.message


def test_a_misspelt_framework_is_answered_with_the_nearest(tmp_path: Path) -> None:
    echo.write_model(tmp_path / "good.echo")
    finding = only(resolved(tmp_path, mnist={"model": {"path": "good.echo"}, "framework": "ecko"}))
    assert "installed: echo" in finding.message
    assert finding.hint == "write 'echo'"


def test_several_frameworks_that_know_a_model_are_told_with_what_they_saw(tmp_path: Path) -> None:
    echo.write_model(tmp_path / "good.echo")

    def detect(request: DetectRequest) -> Detection:
        return Detection("any", "it takes everything")

    greedy = replace(echo.ECHO, name="greedy", detect=detect)
    finding = only(resolved(tmp_path, echo.ECHO, greedy, mnist={"model": {"path": "good.echo"}}))
    assert finding.code == "SW1283"
    assert "echo: its name ends in .echo; greedy: it takes everything" in finding.message
    named = resolved(tmp_path, echo.ECHO, greedy, mnist={"model": {"path": "good.echo"}, "framework": "greedy"})
    assert named.services["mnist"].detection.format == "any"


def test_a_registered_model_is_what_the_file_says_of_it(tmp_path: Path) -> None:
    tensors = {"x": {"shape": [None, 4]}}
    service = {"model": {"name": "other", "version": 3}, "framework": "echo", "inputs": tensors, "outputs": tensors}
    found = resolved(tmp_path, mnist=service)
    assert found.findings == ()
    registered = found.services["mnist"]
    assert registered.inspection.signature is not None
    assert registered.inspection.signature.batch
    assert registered.model_name == "other"
    other = resolved(tmp_path, mnist={**service, "model": {"name": "other", "version": 4}})
    assert other.services["mnist"].model_hash != registered.model_hash


def test_what_a_registered_model_lacks_is_listed(tmp_path: Path) -> None:
    finding = only(resolved(tmp_path, mnist={"model": {"name": "other"}, "framework": "echo", "outputs": ["y"]}))
    assert finding.message.endswith("write inputs, outputs")
    assert finding.hint is not None
    assert "shape: [null, 4]" in finding.hint


def test_findings_of_a_plugin_get_the_services_path_and_place(tmp_path: Path) -> None:
    echo.write_model(tmp_path / "bare.echo", signed=False)
    found = resolved(tmp_path, mnist={"model": {"path": "bare.echo"}})
    finding = only(found)
    assert (finding.code, finding.path) == ("SW1213", "services.mnist.inputs")
    assert finding.location is not None
    assert found.services["mnist"].inspection.signature is None


def test_a_model_that_cannot_be_read_is_a_finding_and_not_an_exception(tmp_path: Path) -> None:
    (tmp_path / "damaged.echo").write_text("{")
    finding = only(resolved(tmp_path, mnist={"model": {"path": "damaged.echo"}}))
    assert finding.code == "SW1285"
    assert "damaged.echo is no echo model" in finding.message


def test_a_folder_needs_a_name_to_be_registered_under(tmp_path: Path) -> None:
    def detect(request: DetectRequest) -> Detection:
        return Detection("folder", "it is one")

    framework = replace(echo.ECHO, detect=detect, inspect=lambda request: Inspection(None))
    finding = only(resolved(tmp_path, framework, mnist={"model": {"path": ".."}}))
    assert finding.code == "SW1285"
    assert "has no name of its own" in finding.message


@pytest.mark.parametrize("part", ["detect", "inspect", "resolve"])
def test_a_plugin_that_raises_is_named_and_other_services_are_resolved(tmp_path: Path, part: str) -> None:
    def fail(request: object) -> Any:  # noqa: ANN401 - stands in for any of the three
        raise ZeroDivisionError("in the plugin")

    failing: dict[str, Any] = {part: fail}
    broken = replace(echo.ECHO, name="broken", **failing)
    echo.write_model(tmp_path / "good.echo")
    found = resolved(
        tmp_path,
        echo.ECHO,
        broken,
        good={"model": {"path": "good.echo"}, "framework": "echo"},
        bad={"model": {"path": "good.echo"}, "framework": "broken"},
    )
    assert list(found.services) == ["good"]
    failed = [finding for finding in found.findings if finding.code == "SW1286"]
    assert [finding.message for finding in failed] == [
        "the plugin of 'broken' failed: ZeroDivisionError: in the plugin"
    ]


def test_a_plugins_facts_and_the_users_reach_the_plugin(tmp_path: Path) -> None:
    seen: list[dict[str, str | None]] = []

    def resolve_echo(request: ResolveRequest) -> Resolution:
        assert request.catalogue is not None
        releases = request.catalogue.releases("echo")
        seen.append({key: release.latest for key, release in releases.items()})
        return echo.ECHO.resolve(request)

    facts: Extension = {"echo": {"1.0": {"latest": "1.0.1", "cpu_package": "echo"}}}
    (tmp_path / "scorewright-catalogue.yaml").write_text('echo: {"1.0": {latest: "1.0.2"}}\n')
    echo.write_model(tmp_path / "model.echo")
    found = resolved(
        tmp_path, replace(echo.ECHO, resolve=resolve_echo, facts=facts), mnist={"model": {"path": "model.echo"}}
    )
    assert (found.findings, seen) == ((), [{"1.0": "1.0.2"}])


def test_a_catalogue_that_cannot_be_used_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "scorewright-catalogue.yaml").write_text("gpus: {T4: {memory: 16}}\n")
    echo.write_model(tmp_path / "model.echo")
    found = resolved(tmp_path, mnist={"model": {"path": "model.echo"}})
    assert only(found).code == "SW1301"
    assert "mnist" in found.services
