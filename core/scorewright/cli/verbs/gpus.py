"""``scorewright gpus``: VM sizes with GPUs, what they have, cost and can run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common

if TYPE_CHECKING:
    from collections.abc import Callable

    from scorewright.catalogue import Catalogue
    from scorewright.catalogue.models import VmSize
    from scorewright.cli.run import Run
    from scorewright.findings import Json

SORTS: dict[str, Callable[[VmSize], tuple[object, ...]]] = {
    "price": lambda size: (size.price is None, size.price.usd_per_hour if size.price else 0, size.size),
    "memory": lambda size: (-size.gpu_memory_gib, size.size),
    "name": lambda size: (size.size,),
}
STATES = {"capacity-limited": "scarce", "past-retirement-date": "retired"}


@click.command()
@click.argument("words", nargs=-1)
@click.option("--sort", type=click.Choice(list(SORTS)), default="price", show_default=True, help="Order of the list.")
@click.option("--all", "everything", is_flag=True, help="Also sizes that are retired or that AKS cannot use.")
@click.option("--min-memory", type=float, default=0.0, metavar="GIB", help="Least GPU memory of the VM.")
@click.option("--max-price", type=float, default=None, metavar="USD", help="Most per hour; leaves out unknown prices.")
@click.option("--explain", "size", metavar="SIZE", help="All about one size, and what it runs of each framework.")
@common()
def command(
    run: Run,
    words: tuple[str, ...],
    sort: str,
    everything: bool,
    min_memory: float,
    max_price: float | None,
    size: str | None,
) -> int:
    """List VM sizes with GPUs: those whose name, series or GPU contains every one of WORDS.

    Prices are list prices, rough and dated. Rows of your own come from scorewright-catalogue.yaml.
    """
    from scorewright import catalogue

    book = catalogue.load(run.files[0].absolute().parent if run.files else None)
    if size is not None:
        from scorewright.compat.size import explain

        found = explain(size, book)
        run.answer(found.to_dict(), found.text)
        return 0
    rows = [
        row
        for row in sorted(book.vm_sizes.values(), key=SORTS[sort])
        if _matches(row, book, words) and row.gpu_memory_gib >= min_memory and _affordable(row, max_price)
        if everything or (row.aks == "yes" and not row.gone)
    ]
    run.answer({"vm_sizes": [_plain(row, book) for row in rows]}, lambda: _text(rows, book))
    return 0


def _matches(size: VmSize, book: Catalogue, words: tuple[str, ...]) -> bool:
    gpu = book.gpus[size.gpu]
    text = " ".join([size.size, size.series, gpu.gpu, gpu.name, gpu.architecture]).lower()
    return all(word.lower() in text for word in words)


def _affordable(size: VmSize, limit: float | None) -> bool:
    return limit is None or (size.price is not None and size.price.usd_per_hour <= limit)


def _plain(size: VmSize, book: Catalogue) -> Json:
    gpu = book.gpus[size.gpu]
    row: dict[str, Json] = size.model_dump(mode="json")
    return {**row, "gpu_name": gpu.name, "compute_capability": gpu.compute_capability}


def _text(rows: list[VmSize], book: Catalogue) -> str:
    from scorewright.cli.terminal import table

    head = ("VM SIZE", "GPU", "MEMORY", "CC", "VCPU", "RAM", "USD/H", "STATE")
    lines = [_row(size, book) for size in rows]
    dates = sorted({size.as_of for size in rows if size.as_of})
    note = f"Facts read on {dates[-1]}; list prices, rough." if dates else "No size matches."
    return "\n".join([table(head, lines), note] if lines else [note])


def _row(size: VmSize, book: Catalogue) -> tuple[str, ...]:
    gpu = book.gpus[size.gpu]
    count = f"{size.gpu_count:g} x " if size.gpu_count >= 1 else f"1/{round(1 / size.gpu_count)} "
    state = STATES.get(size.status, size.status)
    return (
        size.size,
        f"{count}{gpu.name.removeprefix('NVIDIA ')}",
        f"{size.gpu_memory_gib:g} GiB",
        gpu.compute_capability or "-",
        str(size.vcpu),
        f"{size.memory_gib:g} GiB",
        f"{size.price.usd_per_hour:.2f}" if size.price else "unknown",
        state if size.aks == "yes" or size.gone else "not on AKS",
    )
