"""The scaffold of a plugin: an installable project with a framework that works, a policy, and its tests."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scorewright.errors import ScorewrightError
from scorewright.rendering import render

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class PluginContext:
    """What the templates of a plugin may use. ``name``: the framework's; ``package``: the import package's;
    ``distribution``: the project's; ``prefix``: of the plugin's own error codes."""

    name: str
    package: str
    distribution: str
    prefix: str


def write_plugin(name: str, parent: Path) -> Path:
    """Write the project ``scorewright-NAME`` below a folder and return its own folder.

    Raises `ScorewrightError`: SW1910 if the name cannot be one, SW1911 if the folder exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or keyword.iskeyword(name):
        rule = "a name has small letters and digits, with single dashes between them, a letter first"
        raise ScorewrightError("SW1910", f"{name!r} cannot be a plugin's name", cause=rule)
    context = PluginContext(
        name, f"scorewright_{name.replace('-', '_')}", f"scorewright-{name}", name.replace("-", "").upper()
    )
    folder = parent / context.distribution
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        steps = ["choose another name, or another folder with --into"]
        raise ScorewrightError("SW1911", f"{folder} exists", steps=steps) from None
    for template, file in _files(context).items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render("scorewright_templates", f"plugin/{template}", context), encoding="utf-8")
    return folder


def _files(context: PluginContext) -> dict[str, str]:
    """The file in the project that each template becomes."""
    return {
        "pyproject.toml.jinja": "pyproject.toml",
        "README.md.jinja": "README.md",
        "init.py.jinja": f"{context.package}/__init__.py",
        "score.py.jinja": f"{context.package}/templates/score.py.jinja",
        "conda.yml.jinja": f"{context.package}/templates/conda.yml.jinja",
        "test_plugin.py.jinja": "tests/test_plugin.py",
    }
