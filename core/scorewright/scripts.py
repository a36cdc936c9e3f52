"""Renders a framework's part of a bundle, ``score.py`` and ``conda.yml``, from a folder of templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .framework import Script
from .rendering import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .findings import Json
    from .framework import ScriptRequest


@dataclass(frozen=True)
class ScoreContext:
    """What ``score.py.jinja`` may use. ``config``: the service's configuration, written as one literal through the
    ``literal`` filter (see docs/internals.md for its keys)."""

    config: Mapping[str, Json]


@dataclass(frozen=True)
class CondaContext:
    """What ``conda.yml.jinja`` may use. ``conda``: the conda environment, written through the ``yaml`` filter."""

    conda: Mapping[str, Json]


def render_script(package: str, folder: str, request: ScriptRequest) -> Script:
    """Render ``score.py.jinja`` and ``conda.yml.jinja`` of a folder in an import package.

    A plugin registers it with its own package and folder: ``script=partial(render_script, "my_plugin", "templates")``.
    """
    return Script(
        score=render(package, f"{folder}/score.py.jinja", ScoreContext(dict(request.config))),
        conda=render(package, f"{folder}/conda.yml.jinja", CondaContext(dict(request.conda))),
    )
