"""What is known of GPUs, VM sizes, drivers, images and framework releases: dated facts, each with its source.

The rows ship as JSON beside this file, one row to a line, and load table by table on first use. A file of the user's
(``scorewright-catalogue.yaml`` beside the deploy file, or the path in ``SCOREWRIGHT_CATALOGUE``) and plugins add rows
or change single fields of rows, by key.
"""

from __future__ import annotations

import functools
import json
from difflib import get_close_matches
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from scorewright.errors import ScorewrightError

from . import models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scorewright.findings import Json

FRAMEWORKS = ("tensorflow", "pytorch", "onnxruntime")
"""The tables of framework releases that ship."""

KEYS: Mapping[str, str] = {
    "gpus": "gpu",
    "vm_sizes": "size",
    "drivers": "kind",
    "toolkits": "toolkit",
    "images": "image",
    "servers": "package",
    "conflicts": "id",
    "limits": "id",
    "rules": "id",
}
"""Table → the field that names a row. A table that is not here holds framework releases, by ``minor``."""

_MODELS: Mapping[str, type[models.Row]] = {
    "gpus": models.Gpu,
    "vm_sizes": models.VmSize,
    "drivers": models.Driver,
    "toolkits": models.Toolkit,
    "images": models.Image,
    "servers": models.Server,
    "conflicts": models.Conflict,
    "limits": models.Limit,
    "rules": models.Rule,
}

Extension: TypeAlias = "Mapping[str, Mapping[str, Mapping[str, Json]]]"
"""Rows to add or change: table → key → fields."""

Fact = TypeVar("Fact", bound=models.Row)


class Catalogue:
    """All tables. ``extensions``: laid over the shipped rows in order, the later wins; ``origin`` names each of them.

    A table that has a bad row raises `ScorewrightError` (SW1301) on first use.
    """

    def __init__(self, extensions: Sequence[tuple[str, Extension]] = ()) -> None:
        self._extensions = tuple(extensions)
        self._tables: dict[str, dict[str, models.Row]] = {}

    @property
    def gpus(self) -> Mapping[str, models.Gpu]:
        """GPUs by short name (``T4``)."""
        return self._table("gpus", models.Gpu)

    @property
    def vm_sizes(self) -> Mapping[str, models.VmSize]:
        """VM sizes by name."""
        return self._table("vm_sizes", models.VmSize)

    @property
    def drivers(self) -> Mapping[str, models.Driver]:
        """AKS node drivers by kind."""
        return self._table("drivers", models.Driver)

    @property
    def toolkits(self) -> Mapping[str, models.Toolkit]:
        """CUDA toolkits by version."""
        return self._table("toolkits", models.Toolkit)

    @property
    def images(self) -> Mapping[str, models.Image]:
        """Base images by name without tag."""
        return self._table("images", models.Image)

    @property
    def servers(self) -> Mapping[str, models.Server]:
        """Scoring servers by package name."""
        return self._table("servers", models.Server)

    @property
    def conflicts(self) -> Mapping[str, models.Conflict]:
        """Known-bad package pairs."""
        return self._table("conflicts", models.Conflict)

    @property
    def limits(self) -> Mapping[str, models.Limit]:
        """Azure's and Kubernetes' numbers."""
        return self._table("limits", models.Limit)

    @property
    def rules(self) -> Mapping[str, models.Rule]:
        """Rules in words."""
        return self._table("rules", models.Rule)

    def releases(self, framework: str) -> Mapping[str, models.Release]:
        """A framework's minor releases, oldest first; empty where the catalogue has none."""
        return self._table(framework, models.Release)

    def check(self, table: str) -> None:
        """Load a table now. Raises `ScorewrightError` (SW1301) if it has a bad row."""
        self._table(table, model_of(table))

    def vm_size(self, name: str) -> models.VmSize | None:
        """The size of that name, in whatever case it is written."""
        exact = self.vm_sizes.get(name)
        if exact is not None:
            return exact
        return next((row for key, row in self.vm_sizes.items() if key.lower() == name.lower()), None)

    def nearest_vm_size(self, name: str) -> models.VmSize | None:
        """The size whose name is most like the given one, those that can still be had first."""
        by_lower = {key.lower(): row for key, row in self.vm_sizes.items()}
        near = get_close_matches(name.lower(), by_lower, n=5, cutoff=0.6)
        rows = [by_lower[key] for key in near]
        return next((row for row in rows if not row.gone), rows[0] if rows else None)

    def _table(self, name: str, model: type[Fact]) -> Mapping[str, Fact]:
        if name not in self._tables:
            self._tables[name] = dict(self._load(name))
        return cast("Mapping[str, Fact]", self._tables[name])

    def _load(self, name: str) -> Mapping[str, models.Row]:
        rows: Mapping[str, models.Row] = _shipped(name)
        for origin, extension in self._extensions:
            if name in extension:
                rows = _merged(rows, name, extension[name], origin)
        return rows


@functools.cache
def shipped() -> Catalogue:
    """The catalogue without anything of the user's."""
    return Catalogue()


def load(folder: Path | None = None, extensions: Sequence[tuple[str, Extension]] = ()) -> Catalogue:
    """The catalogue for deploy files in ``folder``: ours, then what plugins bring, then the user's file.

    Raises `ScorewrightError` (SW1301) where a row of theirs does not have the form of its table.
    """
    from . import override

    laid = [*extensions, *override.read(folder)]
    if not laid:
        return shipped()
    book = Catalogue(laid)
    for table in {table for _, extension in laid for table in extension}:
        book.check(table)
    return book


def model_of(table: str) -> type[models.Row]:
    """The model that the rows of a table follow."""
    return _MODELS.get(table, models.Release)


@functools.cache
def _shipped(table: str) -> Mapping[str, models.Row]:
    text = files(__name__).joinpath("data", f"{table}.json")
    if not text.is_file():
        return {}
    adapter: TypeAdapter[list[models.Row]] = TypeAdapter(list[model_of(table)])  # type: ignore[misc]  # by table
    rows = adapter.validate_json(text.read_bytes())
    return {str(getattr(row, KEYS.get(table, "minor"))): row for row in rows}


def _merged(
    rows: Mapping[str, models.Row], table: str, changes: Mapping[str, Mapping[str, Json]], origin: str
) -> Mapping[str, models.Row]:
    key_field = KEYS.get(table, "minor")
    merged = dict(rows)
    for key, fields in changes.items():
        old = json.loads(rows[key].model_dump_json()) if key in rows else {}
        said = {"source": [*old.get("source", []), origin]}
        try:
            merged[key] = model_of(table).model_validate({**old, **said, **fields, key_field: key}, strict=False)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join([table, key, *(str(part) for part in first["loc"])])
            raise ScorewrightError(
                "SW1301",
                f"{origin}: {where}: {first['msg']}",
                cause="The row does not have the form of its table.",
                steps=["Compare it with the table's description: docs/reference/catalogue.md.", "Take the row out."],
            ) from error
    return merged
