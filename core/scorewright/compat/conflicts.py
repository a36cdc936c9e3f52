"""Packages that are known not to work together, found in a list of requirements, pinned or not."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scorewright import catalogue as facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.specifiers import SpecifierSet

    from scorewright.catalogue import Catalogue
    from scorewright.catalogue.models import Conflict

_NEWEST = Version("99999")
_SAME = {"tensorflow-cpu": "tensorflow", "tensorflow-gpu": "tensorflow"}
"""Distributions that carry the same code under another name."""


def find(requirements: Iterable[str], catalogue: Catalogue | None = None) -> list[Conflict]:
    """The rules that an environment breaks.

    ``requirements``: PEP 508. One that is not pinned counts as the newest version that it allows, since that is what
    an installer takes; lines that are no requirements are passed over.
    """
    found = _parsed(requirements)
    book = catalogue or facts.shipped()
    return [rule for rule in book.conflicts.values() if all(_meets(found, package) for package in rule.packages)]


def _parsed(requirements: Iterable[str]) -> dict[str, Requirement]:
    found: dict[str, Requirement] = {}
    for text in requirements:
        try:
            requirement = _read(text)
        except InvalidRequirement:
            continue
        found[canonicalize_name(requirement.name)] = requirement
    for other, name in _SAME.items():
        if other in found:
            found.setdefault(f"{name} code", found[other])
    return found


@functools.cache
def _read(text: str) -> Requirement:
    """Services share most of their requirements, and all of the rules."""
    return Requirement(text)


def _meets(found: Mapping[str, Requirement], package: str) -> bool:
    rule = _read(package)
    have = found.get(rule.name) or (found.get(f"{rule.name} code") if rule.specifier and not rule.extras else None)
    if have is None or not rule.extras <= have.extras:
        return False
    return not rule.specifier or rule.specifier.contains(newest_allowed(have.specifier), prereleases=True)


def newest_allowed(specifier: SpecifierSet) -> Version:
    """About the newest version that a specifier allows: the pin itself, or just below the upper bound."""
    probes = [_NEWEST]
    for part in specifier:
        edge = Version(part.version.removesuffix(".*"))
        probes += [edge, _below(edge), Version(f"{edge.public}.99999") if part.operator in ("==", "~=") else edge]
    allowed = [probe for probe in probes if specifier.contains(probe, prereleases=True)]
    return max(allowed, default=_NEWEST)


def _below(edge: Version) -> Version:
    numbers = list(edge.release)
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    numbers[-1] = max(numbers[-1] - 1, 0)
    return Version(".".join(map(str, [*numbers, 99999])))
