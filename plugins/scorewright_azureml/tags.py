"""The tags that are our state: what we made, from what, and for which project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scorewright.spec.models import Spec

MADE = "scorewright"
"""On everything we make; its value is the kind of thing: ``cluster``, ``model``, ``bundle``, ``service`` or
``candidate``."""
PROJECT = "scorewright-project"
SERVICE = "scorewright-service"
HASH = "scorewright-hash"
"""Of the content: of the bundle on a service and a bundle, of the files on a model."""
PROVEN = "scorewright-proven"
"""On a service: the hash whose golden request was answered."""
PARTS = "scorewright-parts"
"""On a bundle: what its hash stands for, part by part; left out where it is too long for a tag."""
BUNDLE = "scorewright-bundle"
"""On a service: ``name:version`` of the registered bundle that it runs."""
BEFORE = "scorewright-before"
"""On a service: the registered bundle that it ran before, and its models: ``bundle:3 model:7``."""
BLOBFUSE = "scorewright-blobfuse"
"""On a service: ``on`` or ``off`` where the deploy file says it; a service does not tell."""
ROLLBACK = "scorewright-rollback"
"""On a service: a rollback has begun and its version is not proven yet."""


def of(spec: Spec, kind: str, **more: str) -> dict[str, str]:
    """The tags of something that we make."""
    tags = {MADE: kind, **more}
    if spec.project is not None:
        tags[PROJECT] = spec.project
    return tags


def is_ours(tags: Mapping[str, str]) -> bool:
    """Whether we made it."""
    return MADE in tags


def is_owned(tags: Mapping[str, str], spec: Spec, named: bool) -> bool:
    """Whether it belongs to this deploy file: by its project; without one, because the file names it."""
    return is_ours(tags) and tags.get(PROJECT) == spec.project and (spec.project is not None or named)
