"""The options that every verb takes, through one decorator."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .complete import service_names, target_names
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Function = Callable[..., int | None]
    Decorator = Callable[[Function], Function]

FORMATS = ("text", "json")

SHARED: tuple[Decorator, ...] = (
    click.option(
        "-t",
        "--target",
        default="local",
        envvar="SCOREWRIGHT_TARGET",
        shell_complete=target_names,
        help="Where to deploy.  [default: local; env: SCOREWRIGHT_TARGET]",
    ),
    click.option("--service", "services", multiple=True, shell_complete=service_names, help="Only this service."),
    click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Override one key of the deploy file."),
    click.option(
        "--events",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write every event to FILE, one JSON document per line.",
    ),
    click.option("--quiet", is_flag=True, help="Say nothing but answers and errors."),
    click.option("-v", "--verbose", is_flag=True, help="Say more; show tracebacks of unexpected errors."),
    click.option("--yes", is_flag=True, help="Do not ask before something is changed or deleted."),
)


def common(*, formats: Sequence[str] | None = FORMATS, file: Sequence[str] = ("-f", "--file")) -> Decorator:
    """Add the shared options to a verb's function and hand it a `Run` as its first argument.

    ``formats``: what ``-o`` takes; None where the verb declares ``-o`` itself. ``file``: how the deploy file is named.
    """
    options = [_file_option(file), *SHARED]
    if formats is not None:
        choice = click.Choice(list(formats))
        text = "Form of the answer; json: one document on stdout, all else on stderr."
        options.append(click.option("-o", "--output", type=choice, default=formats[0], show_default=True, help=text))

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapper(**values: Any) -> int | None:  # noqa: ANN401  click passes what the options declare
            shared = {name: values.pop(name) for name in Run.OPTIONS if name in values}
            with Run(**shared) as run:
                return function(run, **values)

        wrapped: Function = wrapper
        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return decorate


def _file_option(names: Sequence[str]) -> Decorator:
    return click.option(
        *names,
        "files",
        multiple=True,
        type=click.Path(path_type=Path),
        envvar="SCOREWRIGHT_FILE",
        default=("deploy.yaml",),
        help="Deploy file; repeat to merge, the later wins.  [default: deploy.yaml; env: SCOREWRIGHT_FILE]",
    )
