"""Services whose deploy file was moved or deleted: no command leads to them any more, so they are told of."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from .files import read_json
from .places import service_places, state_root
from .service import find_front

if TYPE_CHECKING:
    from collections.abc import Iterator


def orphans() -> Iterator[str]:
    """A line for each service that still runs while its deploy file is gone, with the way to end it."""
    root = state_root() / "local"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        for place in service_places(folder):
            file = read_json(place.owner).get("deploy_file")
            if file is None or Path(file).exists():
                continue
            found = find_front(place)
            if found is not None:
                end = f"kill {found[1]['pid']} && rm -r {shlex.quote(str(place.folder))}"
                yield f"service {place.name} of {file}, which is not there any more: put it back, or {end}"
