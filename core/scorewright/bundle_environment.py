"""The environment of a bundle: which packages, in which order, from where."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PipRequirement
from packaging.utils import canonicalize_name

from .errors import ScorewrightError
from .framework import Requirement
from .server_stack import JSON, LANE, NUMPY, PILLOW, SERVER
from .serving import variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .findings import Json
    from .resolve import ResolvedService

_PYTHON = re.compile(r"python\s*={1,2}\s*(\d+\.\d+)[.\d*]*")


def requirements(service: ResolvedService) -> tuple[Requirement, ...]:
    """Every pip package of a service: the framework's, the server stack, the user's.

    What the user pins takes the place of our own packages, the server apart. Raises `ScorewrightError` (SW1604) for a
    package that is not a PEP 508 requirement.
    """
    asked = [_checked(text) for text in service.spec.packages.pip]
    named = {_name(requirement.gpu) for requirement in (*service.resolution.requirements, *asked)}
    ours = [*(LANE if service.spec.serving.lane == "fast" else ()), *JSON, NUMPY]
    if service.spec.image is not None:
        ours.append(PILLOW)
    return (
        *service.resolution.requirements,
        SERVER,
        *(requirement for requirement in ours if _name(requirement.gpu) not in named),
        *asked,
    )


def pip_lines(packages: Sequence[Requirement]) -> list[str]:
    """The packages in their GPU form as pip takes them, indexes first."""
    indexes = dict.fromkeys(requirement.index for requirement in packages if requirement.index)
    lines = [line for requirement in packages for line in (requirement.gpu, *requirement.with_gpu)]
    return [*(f"--extra-index-url {index}" for index in indexes), *lines]


def _lines(service: ResolvedService, packages: Sequence[Requirement]) -> Sequence[str]:
    """What pip is to install: all that is locked, else what is asked for."""
    return service.locked.pip_lines() if service.locked is not None else pip_lines(packages)


def conda(service: ResolvedService, packages: Sequence[Requirement]) -> dict[str, Json]:
    """The conda environment. Its name says nothing of the service, so that equal environments are one."""
    pip: list[Json] = [*_lines(service, packages)]
    return {
        "name": "scorewright",
        "channels": ["conda-forge"],
        "dependencies": [
            f"python={service.resolution.python}",
            "pip",
            *(package for package in service.spec.packages.conda if asked_python([package]) is None),
            {"pip": pip},
        ],
    }


def asked_python(packages: Sequence[str]) -> str | None:
    """The minor of Python that a list of conda packages pins (``python=3.11.9``), None where none does."""
    for package in packages:
        found = _PYTHON.fullmatch(package.strip())
        if found is not None:
            return found[1]
    return None


def environment(service: ResolvedService, packages: Sequence[Requirement]) -> dict[str, Json]:
    """What ``environment.json`` says. The user's variables win over the framework's, those over the server's."""
    said: dict[str, Json] = {**variables(service.spec), **service.resolution.variables, **service.spec.env}
    return {
        "image": service.resolution.image,
        "python": service.resolution.python,
        "variables": said,
        "pip": [*_lines(service, packages)],
        "conda": [*service.spec.packages.conda],
    }


def _checked(text: str) -> Requirement:
    # pip reads a line that begins with a dash as an option: only what parses as a requirement gets into the list.
    try:
        clean = str(PipRequirement(text))
    except InvalidRequirement as error:
        summary = f"packages.pip: {text!r} is not a pip requirement"
        raise ScorewrightError("SW1604", summary, cause=str(error), steps=["write NAME==VERSION"]) from error
    return Requirement(gpu=clean, cpu=clean)


@functools.cache
def _name(requirement: str) -> str:
    return canonicalize_name(PipRequirement(requirement).name)
