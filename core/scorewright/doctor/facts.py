"""The catalogue of facts: how old it is, whose rows it has, what this machine's driver can run, and the registry."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from scorewright import catalogue
from scorewright.errors import ScorewrightError

from .diagnosis import Diagnosis
from .gpu import allowed_cuda

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD_DAYS = 180
REGISTRY = "https://mcr.microsoft.com/v2/"
"""Where the base images come from."""


def catalogue_age(today: date | None = None) -> Iterator[Diagnosis]:
    """How old the facts are, and whether the user's own can be read."""
    try:
        book = catalogue.load(Path.cwd())
        dates = [size.as_of for size in book.vm_sizes.values() if size.as_of]
    except ScorewrightError as error:
        yield Diagnosis("facts", "error", f"{error.summary}: {error.cause}", "; ".join(error.steps))
        return
    read = date.fromisoformat(max(dates))
    days = ((today or date.today()) - read).days
    own = " and rows of your own" if book is not catalogue.shipped() else ""
    found = f"GPU facts of {read}{own}"
    if days > OLD_DAYS:
        fix = "upgrade scorewright, or add what is new to scorewright-catalogue.yaml"
        yield Diagnosis("facts", "warning", f"{found}: {days} days old", fix)
    else:
        yield Diagnosis("facts", "ok", found)


def runs_here(cuda: str | None = None) -> Iterator[Diagnosis]:
    """The newest release of each framework that this machine's driver can run; nothing without a driver.

    ``cuda``: the newest CUDA that the driver takes; default: asked of the driver.
    """
    allowed = cuda or allowed_cuda()
    if allowed is None:
        return
    book = catalogue.shipped()
    for framework in catalogue.FRAMEWORKS:
        fitting = [
            (release.minor, build.cuda)
            for release in reversed(list(book.releases(framework).values()))
            for build in release.builds
            if int(build.cuda.split(".")[0]) <= int(allowed.split(".")[0])
        ]
        if fitting:
            yield Diagnosis("gpu", "info", f"driver for CUDA {allowed}: {framework} up to {fitting[0][0]}")


def registry(url: str = REGISTRY, timeout: float = 20) -> Iterator[Diagnosis]:
    """Whether the registry of the base images answers. Needs the network."""
    import httpx  # slow to import

    try:
        answer = httpx.get(url, timeout=timeout)
    except httpx.HTTPError as error:
        fix = "let this machine reach it; only image builds on this machine need it, Azure ML builds its own"
        yield Diagnosis("registry", "warning", f"{url} does not answer: {type(error).__name__}", fix)
        return
    # A registry may want a login for its root and still serve public images.
    yield Diagnosis("registry", "ok", f"{url} answers ({answer.status_code})")
