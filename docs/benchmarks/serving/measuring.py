"""One contender with one model: started, its answers checked, loads put on it, stopped."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import machine
import numpy as np
from plan import starts

from scorewright.bench.load import Load
from scorewright.bench.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contenders import Contender, Place
    from dialects import Dialect
    from models import Case
    from plan import Shot

DIRT = 0.06
"""Share of the server's core that others may take during a load, before it is repeated."""
WARMUP = 0.5


@dataclass(frozen=True)
class Pace:
    """``seconds``: of a load. ``patience``: seconds that we wait for a quiet machine. ``repeats``: how often a load is
    repeated that others disturbed. ``urgent``: whether we go before others."""

    seconds: float
    patience: float
    repeats: int
    urgent: bool


class Cold(Exception):
    """A contender cannot be measured; the message says why."""


def measure(contender: Contender, case: Case, shots: list[Shot], place: Place, pace: Pace) -> Iterator[dict[str, Any]]:
    """Results as plain values, one for each start, each load, and the memory. Raises `Cold`."""
    for _ in range(starts(contender, case.name) - 1):
        machine.wait_for_quiet(pace.patience)
        with Server(contender.make(case, place), seconds=90) as server:
            yield _start(contender, case, server)
    machine.wait_for_quiet(pace.patience)
    with Server(contender.make(case, place), seconds=90) as server:
        yield _start(contender, case, server)
        if pace.urgent:
            machine.prefer(server.pid)
        for shot in shots:
            try:
                found = _cleanest(contender, case, shot, server, pace)
            except OSError as error:
                raise Cold(f"{error}; it wrote: {server.log.read_text('utf-8', 'replace')[-1500:]}") from error
            yield {"contender": contender.name, "key": shot.key, **found}
        yield {"key": f"{case.name}-memory", "contender": contender.name, "mib": machine.memory(server.pid)}


def _start(contender: Contender, case: Case, server: Server) -> dict[str, Any]:
    return {"key": f"{case.name}-start", "contender": contender.name, "seconds": server.started_in}


def _cleanest(contender: Contender, case: Case, shot: Shot, server: Server, pace: Pace) -> dict[str, Any]:
    """The first measurement that others did not disturb, else the least disturbed."""
    payloads = case.payloads(shot.rows, shot.kind)
    dialect = contender.kinds[shot.kind]
    bodies = tuple(dialect.encode(payload) for payload in payloads)
    for payload, body in zip(payloads, bodies, strict=True):
        check(server, dialect, body, case, payload)
    best: dict[str, Any] = {}
    for _ in range(1 + pace.repeats):
        machine.wait_for_quiet(pace.patience)
        found = _once(dialect, bodies, shot, server, pace)
        if not best or found["dirt"] < best["dirt"]:
            best = found
        if best["dirt"] <= DIRT:
            break
    return best


def _once(dialect: Dialect, bodies: tuple[bytes, ...], shot: Shot, server: Server, pace: Pace) -> dict[str, Any]:
    seconds = pace.seconds * shot.length
    load = Load(
        uri=server.uri + dialect.path,
        bodies=bodies,
        headers=dialect.headers,
        concurrency=shot.concurrency,
        rate=shot.rate,
        seconds=seconds,
        warmup=WARMUP,
        rows=shot.rows,
        keep_alive=not shot.fresh,
        cpu=machine.CLIENT_CORE,
    )
    command = [sys.executable, "-m", "scorewright.bench.generator"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(load.to_dict()).encode())
        process.stdin.close()
        process.stdout.readline()  # "counting"
        before = machine.usage(server.pid)
        time.sleep(seconds)
        after = machine.usage(server.pid)
        told = process.stdout.read()
    if process.returncode != 0:
        raise Cold(f"{shot.key}: the load generator ended with {process.returncode}")
    outcome = json.loads(told)
    if "refused" in outcome:
        raise Cold(f"{shot.key} is refused: {outcome['refused']}")
    took = after.at - before.at
    own = after.own - before.own
    dirt = max(0.0, (after.core - before.core - own) / took)
    return {
        **outcome,
        "bytes": len(bodies[0]),
        "server_cpu": own / took,
        "cpu_us": own / took / outcome["rps"] * 1e6 if outcome["rps"] else None,
        "dirt": dirt,
    }


def check(server: Server, dialect: Dialect, body: bytes, case: Case, rows: np.ndarray) -> None:
    """Ask once and compare with what the model says in this process. Raises `Cold`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", dialect.path, body, dict(dialect.headers))
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status != 200:
        raise Cold(f"status {answer.status}: {said[:200]!r}")
    wanted = truth(case, rows)
    got = dialect.decode(said)
    if not np.array_equal(got, wanted):
        raise Cold(f"answers {got[:4]} where the model says {wanted[:4]}")


_truths: dict[tuple[str, bytes], np.ndarray] = {}


def truth(case: Case, rows: np.ndarray) -> np.ndarray:
    """The classes that the model itself says."""
    key = (str(case.model), rows.tobytes())
    if key not in _truths:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(case.model), providers=["CPUExecutionProvider"])
        scores = session.run(None, {session.get_inputs()[0].name: rows.astype(np.float32)})[0]
        _truths[key] = scores.argmax(axis=1)
    return _truths[key]
