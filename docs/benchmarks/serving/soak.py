"""The fast lane at saturation for minutes, then stopped under load: no error, flat memory, no request lost.

    python docs/benchmarks/serving/soak.py [--minutes 10] [--case mnist] [--callers 64]

Writes soak.md beside itself.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import machine
import models
from contenders import CONTENDERS, Place
from measuring import truth

from scorewright.bench.load import Load
from scorewright.bench.server import Server

if TYPE_CHECKING:
    from dialects import Dialect

HERE = Path(__file__).parent
LAST_CALLERS = 32
TOLD = """\
# The fast lane at saturation, then stopped

Written by `make bench-soak` on {date}. Machine: {cpu}, {cores} cores.

{callers} callers in a closed loop, each with its next request as soon as it has its answer; every answer is compared.
Memory: resident, of the server's two processes.

| minute | requests | errors | p50 ms | p99 ms | memory MiB |
| ---: | ---: | ---: | ---: | ---: | ---: |
{rows}

Then {last} callers keep asking while the server gets SIGTERM: {answered:,} answers, {lost} requests lost, {wrong}
answers wrong, exit code {code}, {seconds:.1f} s from the signal to the end.
"""


@dataclass
class Drain:
    """What callers saw of a stop. ``lost``: requests that were sent and not answered."""

    answered: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: int = 0


def minute(server: Server, dialect: Dialect, bodies: tuple[bytes, ...], callers: int) -> dict[str, Any]:
    """Put the load on for a minute."""
    load = Load(
        uri=server.uri + dialect.path,
        bodies=bodies,
        headers=dialect.headers,
        concurrency=callers,
        seconds=60,
        cpu=machine.CLIENT_CORE,
    )
    command = [sys.executable, "-m", "scorewright.bench.generator"]
    done = subprocess.run(command, input=json.dumps(load.to_dict()).encode(), stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "mib": machine.memory(server.pid)}


def ask(port: int, dialect: Dialect, body: bytes, wanted: Any, drain: Drain, lock: threading.Lock) -> None:  # noqa: ANN401
    """Ask on one connection until the server ends it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while True:
        try:
            connection.request("POST", dialect.path, body, dict(dialect.headers))
            response = connection.getresponse()
            said = response.read()
        except OSError as error:
            with lock:
                drain.lost.append(repr(error))
            return
        with lock:
            drain.answered += 1
            drain.wrong += response.status != 200 or dialect.decode(said).tolist() != wanted
        if response.getheader("connection") == "close":
            return


def stop(server: Server, dialect: Dialect, bodies: tuple[bytes, ...], answers: list[Any]) -> tuple[Drain, int, float]:
    """Stop the server while callers ask. Returns what they saw, the exit code, and the seconds that it took."""
    drain, lock = Drain(), threading.Lock()
    threads = [
        threading.Thread(
            target=ask,
            args=(server.port, dialect, bodies[at % len(bodies)], answers[at % len(bodies)], drain, lock),
        )
        for at in range(LAST_CALLERS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(3)
    began = time.monotonic()
    os.kill(server.pid, signal.SIGTERM)
    for thread in threads:
        thread.join()
    code = server.wait()
    return drain, code, time.monotonic() - began


@click.command(help=__doc__)
@click.option("--minutes", default=10, show_default=True)
@click.option("--case", default="mnist", show_default=True, help="Which model: mnist, standin, resnet, free.")
@click.option("--callers", default=64, show_default=True)
@click.option("--into", type=click.Path(path_type=Path), default=HERE / "soak.md")
def main(minutes: int, case: str, callers: int, into: Path) -> None:
    """See above."""
    with tempfile.TemporaryDirectory(prefix="scorewright-soak-") as name:
        place = Place(Path(name), Path(name))
        chosen = models.cases(place.folder)[case]
        fast = next(one for one in CONTENDERS if one.name == "fast")
        dialect, payloads = fast.kinds["json"], chosen.payloads(1, "json")
        bodies = tuple(dialect.encode(payload) for payload in payloads)
        rows: list[str] = []
        with Server(fast.make(chosen, place), seconds=90) as server:
            for number in range(1, minutes + 1):
                found = minute(server, dialect, bodies, callers)
                errors = sum(found["failures"].values())
                p50, p99 = found["latency"]["p50"], found["latency"]["p99"]
                rows.append(
                    f"| {number} | {found['requests']:,} | {errors} | {p50:.2f} | {p99:.2f} | {found['mib']:.1f} |"
                )
                click.echo(rows[-1], err=True)
            drain, code, seconds = stop(
                server, dialect, bodies, [truth(chosen, payload).tolist() for payload in payloads]
            )
    text = TOLD.format(
        date=time.strftime("%Y-%m-%d"),
        callers=callers,
        rows="\n".join(rows),
        last=LAST_CALLERS,
        answered=drain.answered,
        lost=len(drain.lost),
        wrong=drain.wrong,
        code=code,
        seconds=seconds,
        **{key: value for key, value in machine.describe().items() if key in ("cpu", "cores")},
    )
    into.write_text(text)
    click.echo(text)
    sys.exit(1 if drain.lost or drain.wrong or code else 0)


if __name__ == "__main__":
    main()
