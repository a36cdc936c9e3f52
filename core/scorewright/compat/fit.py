"""Single comparisons: GPU code against GPU, driver against floor, wheel against image."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from .types import DEFAULT_IMAGE, Fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scorewright.catalogue import Catalogue
    from scorewright.catalogue.models import Build, Image, Release, Toolkit


@functools.cache
def numbers(version: str) -> tuple[int, ...]:
    """The release numbers of a version: ``2.13.0+cu126`` is (2, 13, 0)."""
    return Version(version).release


def minor(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return numbers(version)[:2]


def newest_patch(release: Release) -> tuple[int, ...]:
    """The numbers of the newest patch of a release; (0,) where the index has none."""
    return max(map(numbers, release.patches), default=(0,))


def by_version(versions: Iterable[str]) -> list[str]:
    """Versions in order, oldest first: 3.9 before 3.10."""
    return sorted(set(versions), key=Version)


def gpu_fit(build: Build, compute_capability: str) -> Fit:
    """How a build runs on a GPU.

    Machine code for X.y runs on X.z with z >= y, never on another major; PTX is compiled for anything newer.
    """
    if build.sass is None:
        return Fit.UNKNOWN
    have = minor(compute_capability)
    if any(minor(code)[0] == have[0] and minor(code) <= have for code in build.sass):
        return Fit.NATIVE
    if any(minor(code) <= have for code in build.ptx):
        return Fit.JIT
    return Fit.NONE


def toolkit_of(build: Build, catalogue: Catalogue) -> Toolkit | None:
    """The CUDA toolkit that a build is made with; of a build that says just the major, its first."""
    if build.cuda in catalogue.toolkits:
        return catalogue.toolkits[build.cuda]
    same = [key for key in catalogue.toolkits if key.split(".")[0] == build.cuda.split(".")[0]]
    return catalogue.toolkits[by_version(same)[0]] if same else None


def driver_runs(driver: str, floor: str) -> bool:
    """Whether a driver is at least the floor."""
    return Version(driver) >= Version(floor)


def find_image(build: Build | None, min_glibc: str | None, images: Mapping[str, Image]) -> Image | None:
    """The base image for a build: with a tag that exists, a C library new enough, and CUDA where the build needs it.

    Supported before deprecated, then the CUDA nearest to the one the build was made with.
    """
    usable = [image for image in images.values() if image.tag and (not min_glibc or _glibc(image, min_glibc))]
    if build is None or build.libraries != "image":
        plain = [image for image in usable if image.cuda is None and image.status == "supported"]
        return min(plain, key=lambda image: image.image != DEFAULT_IMAGE, default=None)
    wanted = SpecifierSet(build.image_cuda or "")
    cudnn = minor(build.cudnn)[0] if build.cudnn else None
    match = [
        image
        for image in usable
        if image.cuda and wanted.contains(".".join(image.cuda.split(".")[:2])) and cudnn in (None, image.cudnn_major)
    ]
    return min(match, key=lambda image: (image.status != "supported", numbers(image.cuda or "0")), default=None)


def _glibc(image: Image, floor: str) -> bool:
    return minor(image.glibc) >= minor(floor)
