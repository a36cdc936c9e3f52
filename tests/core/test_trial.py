"""What would be deployed is run here with its sample, in a process of its own, and judged as the target would."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from scorewright import hookspecs
from scorewright.framework import Requirement
from scorewright.plugins import PluginManager
from scorewright.spec import load
from scorewright.testing import echo
from scorewright.trial import try_out

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scorewright.findings import Finding
    from scorewright.framework import Framework, Resolution, ResolveRequest


class Brings:
    """A plugin with one framework."""

    def __init__(self, framework: Framework) -> None:
        self.framework = framework

    @hookspecs.hookimpl
    def scorewright_frameworks(self) -> Iterable[Framework]:
        return [self.framework]


def tried(folder: Path, brings: Framework = echo.ECHO, fails: str = "", **service: object) -> list[Finding]:
    """Try out one service whose model doubles."""
    plugins = PluginManager()
    plugins.register(Brings(brings), name="echo")
    echo.write_model(folder / "model.echo", fails=fails)
    (folder / "sample.json").write_text('{"data": [[1, 2, 3]]}')
    path = folder / "deploy.yaml"
    said = {"model": {"path": "model.echo"}, "sample": {"input": "sample.json"}, **service}
    path.write_text(json.dumps({"scorewright": 1, "services": {"mnist": said}}, indent=1))
    return list(try_out(load(path), plugins))


def test_a_service_that_answers_is_fine(tmp_path: Path) -> None:
    assert tried(tmp_path) == []


def test_a_service_without_a_sample_is_asked_with_zeros(tmp_path: Path) -> None:
    assert tried(tmp_path, sample=None) == []


def test_an_answer_other_than_expected_is_an_error_at_the_sample(tmp_path: Path) -> None:
    (tmp_path / "expect.json").write_text("[[2, 4, 7]]")
    (finding,) = tried(tmp_path, sample={"input": "sample.json", "expect": "expect.json"})
    assert (finding.code, finding.level, finding.path) == ("SW1441", "error", "services.mnist.sample")
    assert finding.location is not None and finding.location.line > 1
    (tmp_path / "expect.json").write_text("[[2, 4, 6]]")
    assert tried(tmp_path, sample={"input": "sample.json", "expect": "expect.json"}) == []


def test_a_sample_that_is_refused_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "wide.json").write_text('{"data": [[1, 2, 3, 4]]}')
    (finding,) = tried(tmp_path, sample={"input": "wide.json"})
    assert finding.code == "SW1441" and "400" in finding.message


def test_a_model_that_does_not_load_is_told_with_the_exception(tmp_path: Path) -> None:
    (finding,) = tried(tmp_path, fails="init")
    assert (finding.code, finding.level) == ("SW1440", "error")
    assert "this model fails when it is loaded" in finding.message


def test_the_handler_runs_too(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text("import nothing_like_this\n\ndef postprocess(outputs):\n    return outputs\n")
    (finding,) = tried(tmp_path, handler="handler.py")
    assert finding.code == "SW1440" and "nothing_like_this" in finding.message


def test_a_handler_that_fails_on_the_sample_is_told_with_its_exception(tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text("def postprocess(outputs):\n    return outputs['nothing like this']\n")
    (finding,) = tried(tmp_path, handler="handler.py")
    assert finding.code == "SW1441" and "KeyError: 'nothing like this'" in finding.message


@pytest.mark.parametrize("policy", ["require", "prefer", "off"])
def test_the_cpu_stands_for_the_gpu(tmp_path: Path, policy: str) -> None:
    assert tried(tmp_path, gpu=policy) == []


def test_what_is_not_installed_is_not_run_and_that_is_said(tmp_path: Path) -> None:
    def resolve(request: ResolveRequest) -> Resolution:
        found = echo.ECHO.resolve(request)
        return replace(found, requirements=(Requirement("no-such-framework==1", "no-such-framework==1"),))

    (finding,) = tried(tmp_path, replace(echo.ECHO, resolve=resolve))
    assert (finding.code, finding.level) == ("SW1442", "info")
    assert "no-such-framework is not installed" in finding.message


def test_a_registered_model_is_not_run(tmp_path: Path) -> None:
    tensor = {"shape": [None, 3]}
    registered: dict[str, Any] = {
        "model": {"name": "m"},
        "framework": "echo",
        "inputs": {"x": tensor},
        "outputs": {"y": tensor},
    }
    (finding,) = tried(tmp_path, **registered)
    assert finding.code == "SW1442"
