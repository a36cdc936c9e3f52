"""``scorewright score``: one request, with the right key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scorewright.cli.complete import service_names
from scorewright.cli.options import common
from scorewright.errors import DeploymentError, ScorewrightError

if TYPE_CHECKING:
    from scorewright.cli.run import Run
    from scorewright.client import Answer

SHOWN = ("x-scorewright-device", "x-scorewright-model", "x-scorewright-batch")


@click.command()
@click.argument("service", required=False, shell_complete=service_names)
@click.option("--data", metavar="FILE", help="Send this file: JSON, npy, npz, PNG or JPEG; - is standard input.")
@click.option("--json", "text", metavar="TEXT", help="Send this JSON text.")
@click.option("--image", metavar="FILE", help="Send this image.")
@click.option("--content-type", help="Content type of what is sent.  [default: read from its first bytes]")
@click.option(
    "--accept", default="application/json", show_default=True, help="Form of the answer, such as application/x-npy."
)
@common()
def command(
    run: Run,
    service: str | None,
    data: str | None,
    text: str | None,
    image: str | None,
    content_type: str | None,
    accept: str,
) -> None:
    """Send one request to a service and write its answer to stdout.

    Without a body the deploy file's sample is sent. With -v, device, model and batch are told on stderr.
    """
    name = run.one_service(service)
    body = _body(run, name, data, text, image)
    kind = content_type or sniff(body)
    if image is not None and not kind.startswith("image/"):
        raise click.UsageError(f"{image} is neither a PNG nor a JPEG file")
    answer = run.deployer.client(run.spec, name).send(body, kind, accept)
    if answer.status >= 400:
        raise _refused(name, answer)
    shown = {key: answer.headers[key] for key in SHOWN if key in answer.headers}
    if run.verbose:
        for key, value in shown.items():
            run.note(f"{key}: {value}")
    if run.output == "json":
        run.answer({"service": name, "status": answer.status, "headers": dict(shown), "answer": answer.json()})
    else:
        _write(answer)


def _body(run: Run, name: str, data: str | None, text: str | None, image: str | None) -> bytes:
    """What is sent: the one of the three that was given, or the sample."""
    given = [one for one in (data, text, image) if one is not None]
    if len(given) > 1:
        raise click.UsageError("give one of --data, --json and --image")
    if text is not None:
        return text.encode()
    if data == "-":
        return sys.stdin.buffer.read()
    if given:
        return Path(given[0]).read_bytes()
    sample = run.spec.services[name].sample
    if sample is None:
        steps = ["give --data FILE, --json TEXT or --image FILE", f"or write services.{name}.sample.input"]
        raise ScorewrightError("SW1909", f"service {name} has no sample to send", steps=steps)
    return sample.input.read_bytes()


def sniff(body: bytes) -> str:
    """The content type that the first bytes of a body tell."""
    kinds = {
        b"\x93NUMPY": "application/x-npy",
        b"PK\x03\x04": "application/x-npz",
        b"\x89PNG": "image/png",
        b"\xff\xd8\xff": "image/jpeg",
    }
    return next((kind for start, kind in kinds.items() if body.startswith(start)), "application/json")


def _refused(name: str, answer: Answer) -> DeploymentError:
    """The error that the service answered with, as ours."""
    steps = ["correct the request"] if answer.status < 500 else [f"see what it wrote: scorewright logs {name}"]
    return DeploymentError("SW1721", f"{name} answered {answer.status}", cause=answer.message(), steps=steps)


def _write(answer: Answer) -> None:
    """Write the body as it came; a newline after text."""
    sys.stdout.buffer.write(answer.body)
    if "json" in answer.headers.get("content-type", "") and not answer.body.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
