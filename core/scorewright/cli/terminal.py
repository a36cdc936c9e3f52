"""Text on a terminal: colour only where it is wanted, and aligned columns."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


def colour(stream: IO[str]) -> bool:
    """Whether a stream takes colour: a terminal, and ``NO_COLOR`` not set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def echo(text: str, *, err: bool = False) -> None:
    """Write one line of text, its colours taken off where the stream does not want them."""
    click.echo(text, err=err, color=colour(sys.stderr if err else sys.stdout))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows in aligned columns under a head; the last column is not padded."""
    widths = [max(len(click.unstyle(row[column])) for row in [head, *rows]) for column in range(len(head))]
    return "\n".join(_row(row, widths) for row in [[click.style(cell, bold=True) for cell in head], *rows])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()
