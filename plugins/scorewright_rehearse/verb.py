"""``scorewright rehearse``: the whole Azure run on this machine, with or without faults."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scorewright.cli.options import common
from scorewright.errors import ScorewrightError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.cli.run import Run

    from .rehearsal import Rehearsal

_NEEDS = {"aiohttp": "aiohttp", "cryptography": "cryptography", "azureml": "azureml-core"}


_GOOD = "All went well, and nothing is left."
_RECOVERED = "It went wrong as asked for, the rest went well, and nothing is left."
_BAD = "It did not go well: see what failed, or is left, above."


@click.command()
@click.option(
    "--fault", "faults", multiple=True, metavar="NAME", help="Make this go wrong; --list-faults names what can."
)
@click.option("--new-version", is_flag=True, help="Roll a new version out, too; faults then strike that.")
@click.option("--list-faults", is_flag=True, help="List the faults and what each does, and do nothing else.")
@click.option(
    "--keep",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the emulator's files there.",
)
@common()
def command(run: Run, faults: tuple[str, ...], new_version: bool, list_faults: bool, folder: Path | None) -> int:
    """Run `up`, golden requests, `up` again and `down` against an emulated Azure on this machine.

    The real SDK talks to it, and the services run in the real scoring server. Nothing leaves this machine, and no Azure
    account is needed. Exits with 0 if all went well; a fault that was asked for may fail its step, and then the second
    `up` must repair it.
    """
    _require()
    if list_faults:
        from .catalogue import FAULTS

        data = {fault.name: fault.summary for fault in FAULTS}
        width = max(map(len, data))
        run.answer({**data}, "\n".join(f"{name:<{width}}  {text}" for name, text in data.items()))
        return 0
    from .rehearsal import rehearse

    target = "azureml" if run.target == "local" else run.target
    with run.observed() as emit:
        report = rehearse(
            run.spec,
            target=target,
            faults=faults,
            new_version=new_version,
            folder=folder,
            plugins=run.plugins,
            on_event=emit,
        )
    recovered = report.recovered(struck=bool(faults))
    run.answer(report.to_dict() | {"recovered": recovered}, lambda: "\n".join(_text(report, recovered)))
    return 0 if recovered else 1


def _require() -> None:
    """Raise SW2304 where a package of the extra is missing."""
    missing = [name for module, name in _NEEDS.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ScorewrightError(
            "SW2304",
            "a rehearsal needs its extra packages",
            cause=f"not installed: {', '.join(missing)}",
            steps=["run: pip install 'scorewright[rehearse]'"],
        )


def _text(report: Rehearsal, recovered: bool) -> Iterator[str]:
    """The acts with their stages, what was sent, counted, the failures as they would be shown, and the verdict."""
    from scorewright.cli.failure import failure_lines

    yield str(report)
    yield "\nsent to the control plane:"
    sent = Counter((str(request["method"]), str(request["action"])) for request in report.sent)
    for (method, action), count in sorted(sent.items(), key=lambda item: item[0][1]):
        yield f"{count:6} x {method:<6} {action}"
    for act in report.acts:
        if act.failure is not None:
            yield f"\n{act.name} showed:"
            yield from failure_lines(act.failure)
    yield "\n" + (_GOOD if report.ok else _RECOVERED if recovered else _BAD)
