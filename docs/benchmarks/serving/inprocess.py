"""What work costs without any HTTP, in a process of its own on the server's core: prints microseconds as JSON.

    python inprocess.py JOB.json

CPU time, so that a busy machine changes it little.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


def cost(work: Callable[[], object], seconds: float = 0.25) -> float:
    """Microseconds of a call: the median of five averages."""
    work()
    began = time.process_time()
    work()
    calls = max(1, int(seconds / 5 / max(time.process_time() - began, 1e-6)))
    averages = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(calls):
            work()
        averages.append((time.process_time() - began) / calls * 1e6)
    return median(averages)


def session(path: str) -> Callable[[np.ndarray], object]:
    """The model alone."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    found = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name, outputs = found.get_inputs()[0].name, [found.get_outputs()[0].name]
    return lambda rows: found.run(outputs, {name: rows})


def runs(path: str, rows: np.ndarray) -> dict[str, float]:
    """One request's decoding by the fastest means there are, and the model."""
    import simdjson

    model, shape = session(path), rows.shape
    text, binary = json.dumps({"data": rows.tolist()}).encode(), rows.astype("f4").tobytes()

    def from_json() -> object:
        values = np.frombuffer(simdjson.Parser().parse(text)["data"].as_buffer(of_type="d"))
        return model(values.astype("f4").reshape(shape))

    return {
        "model": cost(lambda: model(rows.astype("f4"))),
        "json": cost(from_json),
        "f32": cost(lambda: model(np.frombuffer(binary, "f4").reshape(shape))),
    }


def parses(source: str, rows: np.ndarray) -> dict[str, float]:
    """Decoding alone, the tutorial's way and by the bundle's own parser."""
    text = json.dumps({"data": rows.tolist()})
    body, buffer = text.encode(), io.BytesIO()
    np.save(buffer, rows.astype("f4"))
    sys.path.insert(0, source)
    import score

    from scorewright_runtime import Request

    score.init()
    asked = Request("POST", {"content-type": "application/json"}, body)
    binary = Request("POST", {"content-type": "application/x-npy"}, buffer.getvalue())
    return {
        "tutorial": cost(lambda: np.array(json.loads(text)["data"]).astype("f4")),
        "json": cost(lambda: score.service.parse(asked)),
        "f32": cost(lambda: score.service.parse(binary)),
    }


def main() -> None:
    """Do what the job says."""
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {job["core"]})
    found = {name: runs(path, np.load(rows)) for name, (path, rows) in job["models"].items()}
    json.dump({**found, "parse": parses(job["source"], np.load(job["picture"]))}, sys.stdout)


if __name__ == "__main__":
    main()
