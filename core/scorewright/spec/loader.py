"""Deploy files to a `Spec`: read, merge, override, expand, validate; every fault at once, each with its place."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .faults import UNSET_VARIABLE, Faults
from .nodes import Node, overlay, positions
from .origin import Origin
from .overrides import apply_overrides, apply_sets
from .reader import read_file
from .validation import validate
from .variables import expand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scorewright.findings import Finding

    from .models import Spec


def load(
    paths: str | Path | Sequence[str | Path] = "deploy.yaml",
    overrides: Mapping[str, object] | None = None,
    sets: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Spec:
    """Load a deploy file, or several that are laid over one another.

    ``paths``: the files; mappings of a later file merge into those before, everything else replaces, and a null takes
    a key out, so that its default counts again. ``overrides``: values by dotted key (``services.mnist.replicas``).
    ``sets``: the same as ``--set`` has it, ``KEY=VALUE``. ``env``: what ``${NAME}`` is read from, `os.environ` if None.

    Paths in the result are absolute: relative ones start at the folder of the file that says them, those of overrides
    at the current folder. ``Spec.origin`` tells where every key stands.

    A variable in ``workspace`` that is not set is no fault yet: see `Origin.unset`.

    Raises `SpecError` (SW1001) with one finding for each fault.
    """
    files = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    if not files:
        raise ValueError("no deploy file is named")
    faults = Faults()
    tree = _merged(files, faults)
    tree = apply_sets(apply_overrides(tree, overrides or {}, faults), sets, faults)
    tree = expand(tree, os.environ if env is None else env, faults)
    tree, unset = _without_unset_workspace(tree, faults)
    spec = validate(tree, faults)
    faults.raise_any(files)
    assert spec is not None  # without faults there is a spec
    keys, values = positions(tree)
    spec._origin = Origin(tuple(files), files[0].absolute().parent, keys, values, unset)
    return spec


def _without_unset_workspace(tree: Node, faults: Faults) -> tuple[Node, tuple[Finding, ...]]:
    """The tree without its workspace where that names variables that are not set, and what is not set."""
    unset = faults.take(UNSET_VARIABLE, "workspace")
    if not unset or not isinstance(tree.value, dict):
        return tree, unset
    return replace(tree, value={key: child for key, child in tree.value.items() if key != "workspace"}), unset


def _merged(files: Sequence[Path], faults: Faults) -> Node:
    """One tree of all files. Stops at a file that cannot be read: what it would have said is not guessed at."""
    trees = [read_file(file, faults) for file in files]
    if any(tree is None for tree in trees):
        faults.raise_any(files)
    first, *others = [tree for tree in trees if tree is not None]
    for other in others:
        first = overlay(first, other)
    return first
