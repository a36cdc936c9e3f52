"""One run of the command: from arguments to exit code, with every failure shown in one place.

Exit codes: 0 done; 1 the operation failed; 2 bad usage, bad file or failed check; 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

import click

from scorewright.errors import DeploymentError, ScorewrightError

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
STOPPED_HALF_WAY = "SW1704"
"""What Ctrl-C becomes while a plan is carried out: what was begun is finished, then this is raised."""


def run(args: Sequence[str]) -> int:
    """Run the command and return its exit code. Nothing but ``SystemExit`` of shell completion gets out."""
    from .group import cli

    try:
        result = cli.main(list(args), prog_name="scorewright", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return REFUSED
    except BrokenPipeError:
        _write_no_more()  # the reader went away (`| head`)
        return FAILED
    except (KeyboardInterrupt, click.Abort):
        return _show(_interrupted(args), args, INTERRUPTED)
    except ScorewrightError as error:
        if error.code == STOPPED_HALF_WAY:
            error.steps = _interrupted(args).steps
            return _show(error, args, INTERRUPTED)
        return _show(error, args, FAILED if isinstance(error, DeploymentError) else REFUSED)
    except click.ClickException as error:
        return _show(_usage(error), args, REFUSED)
    except OSError as error:
        if error.filename:
            return _show(_file(error), args, REFUSED)
        return _unwritten(error) if error.errno in (errno.ENOSPC, errno.EIO) else _bug(error, args)
    except Exception as error:  # The last resort: whatever is not expected is a bug, and shown as one.
        return _bug(error, args)
    return result if isinstance(result, int) else 0


def _write_no_more() -> None:
    """Keep the interpreter from failing again when it flushes stdout at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show(error: ScorewrightError, args: Sequence[str], code: int) -> int:
    from .failure import show

    show(error, as_json=wants_json(args))
    return code


def _interrupted(args: Sequence[str]) -> ScorewrightError:
    import shlex

    again = shlex.join(["scorewright", *args])
    return ScorewrightError("SW1903", "interrupted", steps=[f"go on with: {again}"])


def _usage(error: click.ClickException) -> ScorewrightError:
    ctx = getattr(error, "ctx", None)
    steps = [f"see: {ctx.command_path} --help"] if ctx else []
    if isinstance(error, click.NoSuchOption) and ctx and ctx.parent is None:
        steps.insert(0, "options stand after the verb: scorewright VERB [OPTIONS]")
    return ScorewrightError("SW1901", error.format_message(), steps=steps)


def _file(error: OSError) -> ScorewrightError:
    return ScorewrightError(
        "SW1906", f"{error.filename}: {error.strerror}", steps=["check the path and its permissions"]
    )


def _unwritten(error: OSError) -> int:
    """Where stdout takes no more; stderr is told, however the answer was wanted."""
    from .failure import show

    _write_no_more()
    steps = ["make room where stdout goes, and repeat the command"]
    show(ScorewrightError("SW1906", f"stdout: {error.strerror}", steps=steps), as_json=False)
    return REFUSED


def _bug(error: Exception, args: Sequence[str]) -> int:
    if _verbose(args):
        import traceback

        traceback.print_exception(error)
    summary = f"{type(error).__name__}: {error}"
    cause = "this is a bug of ours: scorewright did not expect it"
    steps = ["repeat with -v for the traceback, and report it with the output of: scorewright doctor"]
    return _show(ScorewrightError("SW1904", summary, cause=cause, steps=steps), args, FAILED)


def wants_json(args: Sequence[str]) -> bool:
    """Whether the arguments ask for JSON. Read from the arguments themselves: bad usage is told as JSON too, and then
    no option has been parsed."""
    pairs = zip(args, [*args[1:], ""], strict=True)
    return any(
        (name in {"-o", "--output"} and value == "json") or name in {"-ojson", "--output=json"} for name, value in pairs
    )


def _verbose(args: Sequence[str]) -> bool:
    return "-v" in args or "--verbose" in args
