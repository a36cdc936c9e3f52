"""The options of a framework: what its plugin says it takes is held against the deploy file, and reaches the bundle."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from scorewright import hookspecs
from scorewright.bundle import build
from scorewright.framework import Option, ResolveRequest
from scorewright.plugins import PluginManager
from scorewright.resolve import Resolved, resolve
from scorewright.spec import load
from scorewright.testing import echo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from scorewright.framework import Framework, Resolution

FAST = Option("for tests")
OPTIONS = {
    "fast": FAST,
    "precision": Option("for tests", (False, "half", "full")),
    "level": Option("for tests", int),
    "share": Option("for tests", float),
    "note": Option("for tests", str),
    "elsewhere": Option("for tests", formats=("other", "third")),
}
TUNABLE = replace(echo.ECHO, options=OPTIONS)
OTHER = replace(echo.ECHO, name="other", options={"xla": FAST}, detect=lambda request: None)


class Brings:
    """A plugin with two frameworks."""

    def __init__(self, frameworks: Iterable[Framework]) -> None:
        self.frameworks = list(frameworks)

    @hookspecs.hookimpl
    def scorewright_frameworks(self) -> Iterable[Framework]:
        return self.frameworks


def resolved(folder: Path, options: str, framework: Framework = TUNABLE, sets: Sequence[str] = ()) -> Resolved:
    """Resolve a deploy file with these options, one to a line from line 7 on."""
    echo.write_model(folder / "model.echo")
    lines = ["scorewright: 1", "services:", "  mnist:", "    model: {path: model.echo}", "    framework:"]
    lines += ["      name: echo", f"      options: {options}"]
    (folder / "deploy.yaml").write_text("\n".join(lines))
    plugins = PluginManager()
    plugins.register(Brings([framework, OTHER]), name="both")
    return resolve(load([folder / "deploy.yaml"], sets=sets), plugins)


def config(found: Resolved) -> dict[str, Any]:
    """``CONFIG`` of the bundle's score script."""
    tree = ast.parse(build(found.services["mnist"]).files["score.py"])
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "CONFIG"
    )
    literal = ast.literal_eval(value)
    assert isinstance(literal, dict)
    return literal


def test_options_reach_the_script_as_plain_values(tmp_path: Path) -> None:
    found = resolved(tmp_path, "{share: 1, precision: half, level: 3, fast: true, note: 'a ''b'''}")
    assert found.findings == ()
    expected = {"fast": True, "level": 3, "note": "a 'b'", "precision": "half", "share": 1}
    assert config(found)["options"] == expected
    assert all(type(value) in (bool, int, str) for value in found.services["mnist"].options.values())


def test_an_option_changes_the_bundle_and_false_says_the_same_as_nothing(tmp_path: Path) -> None:
    hashes = [
        build(resolved(tmp_path, text).services["mnist"]).hash for text in ("{}", "{fast: false}", "{fast: true}")
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_plugin_sees_the_options_when_it_names_packages(tmp_path: Path) -> None:
    seen: list[ResolveRequest] = []

    def watched(request: ResolveRequest) -> Resolution:
        seen.append(request)
        return echo.resolve(request)

    resolved(tmp_path, "{fast: true}", replace(TUNABLE, resolve=watched))
    assert seen[0].options == {"fast": True}


def test_an_option_can_be_set_on_the_command_line(tmp_path: Path) -> None:
    name = "services.mnist.framework.options"
    found = resolved(tmp_path, "{}", sets=[f"{name}.fast=true", f"{name}.level=2", f"{name}.precision=full"])
    assert config(found)["options"] == {"fast": True, "level": 2, "precision": "full"}


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (
            "{fats: true}",
            "echo has no option 'fats'; it has elsewhere, fast, level, note, precision, share",
            "write fast",
        ),
        ("{xla: true}", "echo has no option 'xla'; it has elsewhere,", "xla is an option of other"),
        ("{fast: 1}", "fast takes true or false", None),
        ("{fast: half}", "fast takes true or false", None),
        ("{precision: true}", "precision takes false, half or full", None),
        ("{precision: quarter}", "precision takes false, half or full", None),
        ("{level: true}", "level takes a whole number", None),
        ("{share: much}", "share takes a number", None),
        ("{note: 3}", "note takes a text", None),
        ("{elsewhere: true}", "elsewhere works with other or third; this model is echo", None),
    ],
)
def test_what_the_framework_does_not_take_is_an_error_at_its_place(
    tmp_path: Path, options: str, message: str, hint: str | None
) -> None:
    found = resolved(tmp_path, options)
    (finding,) = found.findings
    assert (finding.code, finding.hint) == ("SW1287", hint)
    assert finding.message.startswith(message)
    assert str(finding.location) == f"{tmp_path / 'deploy.yaml'}:7:17"
    assert found.services == {}


def test_a_framework_without_options_takes_none(tmp_path: Path) -> None:
    (finding,) = resolved(tmp_path, "{fast: true}", echo.ECHO).findings
    assert finding.message == "echo has no option 'fast'; it has none"


@pytest.mark.parametrize("value", ["[true]", "{a: 1}", "null"])
def test_an_option_is_one_value(tmp_path: Path, value: str) -> None:
    from scorewright.errors import SpecError

    with pytest.raises(SpecError) as caught:
        resolved(tmp_path, f"{{fast: {value}}}")
    (fault,) = caught.value.findings
    assert fault.path == "services.mnist.framework.options.fast"
