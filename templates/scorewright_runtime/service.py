"""A scoring service: what happens between a request and its reply.

    request ─ parse ─▶ inputs ─ model_call ─▶ outputs ─ finish ─▶ reply

`Service.answer` does all three steps in one thread. A lane that is asynchronous takes the steps one by one, and a
batcher takes the place of ``model_call``; neither changes what a request is answered.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import gpu, modeldir
from .answering import Classes, Classifier, encode, encode_error, encode_value
from .batch import Caller, Outcome
from .batcher import Batcher
from .errors import RequestError, StartError, Unanswered
from .handler import Handler, load_handler
from .images import ImageReader
from .limits import Limits
from .metrics import Metrics, observe_with_opentelemetry
from .parsing import Parser
from .stock import answer_flask
from .threads import ThreadedCall
from .types import Reply, Signature
from .warmup import check_outputs, rows_run_together, rows_stay_apart, warm_up

if TYPE_CHECKING:
    from .parsing import Asked
    from .types import Arrays, Model, Request

log = logging.getLogger("azmlinfsrv.scorewright")

Load = Callable[[Path, Mapping[str, Any]], "Model"]
"""Loads a model: the path of its file or folder, and ``CONFIG`` with ``gpu`` as it is in force here."""


class Call(NamedTuple):
    """A request, taken apart: the model's inputs, and how to answer."""

    inputs: Arrays
    asked: Asked


class Service:
    """A model behind ``POST /score``.

    ``config``: the script's ``CONFIG``. ``load``: loads the model. ``folder``: where the handler is, by default the
    bundle's, which is the folder that this package was copied into.
    """

    model: Model
    signature: Signature
    parser: Parser
    caller: Caller
    model_call: Callable[[Arrays], Outcome]
    most_rows: int
    lane = "stock"

    def __init__(self, config: Mapping[str, Any], load: Load, folder: Path | None = None) -> None:
        self.config = dict(config)
        self._load = load
        self._folder = folder or Path(__file__).resolve().parent.parent
        self._handler = Handler()
        self._headers: dict[str, str] = {}
        self.metrics = Metrics()

    def start(self) -> None:
        """Load the model, prove its device, warm it up and check what it says. Called once, by ``init()``.

        Raises `StartError` with one of the codes SW1501 to SW1506.
        """
        config = self.config
        self.limits = Limits.from_environment()
        self.signature = Signature.from_dict(config["signature"])
        self._classes = Classes(config["output"])
        if config.get("handler"):
            self._handler = load_handler(self._folder / config["handler"])
        policy = gpu.policy(config)
        if policy == "off":
            gpu.hide_devices()
        self.located = modeldir.locate(config["model"])
        self.model = self._load(self.located.path, {**config, "gpu": policy})
        gpu.enforce(policy, self.model.device, config["framework"])
        self.parser = self._make_parser()
        splits = self._prove()
        model = self.model
        if self._classes_go_by_rows():
            model, self._classes = Classifier(model, self.output_names), Classes("raw")
        self.caller = Caller(model, self.signature, splits, self.metrics)
        self.most_rows = self._most_rows(splits)
        self.model_call = ThreadedCall(self.caller, self.make_batcher, self.most_rows, config["timeout_ms"] / 1000)
        self._headers = {
            "x-scorewright-device": _header(self.device),
            "x-scorewright-model": _header(f"{self.located.name}:{self.located.version}"),
        }
        observe_with_opentelemetry(self.metrics)
        _STARTED[:] = [self]
        log.info("serving %s on %s", self._headers["x-scorewright-model"], self.device)

    @property
    def device(self) -> str:
        """The model's device, as callers see it."""
        return f"{self.model.device} (rehearsal)" if gpu.rehearsing() else self.model.device

    @property
    def output_names(self) -> list[str]:
        """The outputs that are answered, before ``output`` is applied."""
        return self.config["outputs"] or [spec.name for spec in self.signature.outputs]

    def run(self, request: Any) -> Any:
        """Answer a Flask request with a Flask response; the whole of a score script's ``run()``."""
        return answer_flask(self, request)

    def answer(self, request: Request) -> Reply:
        """Answer a request in this thread. Never raises."""
        began = time.perf_counter()
        try:
            reply = self._answer(request)
        except Exception as error:  # the last line of defence: a request must not take the worker down
            reply = self.refuse(error)
        self.metrics.answered(reply.status, time.perf_counter() - began)
        return reply

    def make_batcher(self) -> Batcher:
        """A batcher on the running event loop, as the deploy file says."""
        batching = self.config["batching"]
        delay = batching["max_delay_ms"] / 1000 if batching else 0.0
        return Batcher(self.caller, self.metrics, self.most_rows, delay, self.config["timeout_ms"] / 1000)

    @property
    def parses_slowly(self) -> bool:
        """Whether a user's code takes part in `parse`."""
        return self._handler.preprocess is not None

    @property
    def answers_slowly(self) -> bool:
        """Whether a user's code takes part in `finish`."""
        return self._handler.postprocess is not None

    def metrics_reply(self) -> Reply:
        """``GET /metrics``."""
        told = {"service": self.config["service"], "model": self.located.name, "version": self.located.version}
        text = self.metrics.text({**told, "device": self.device, "lane": self.lane})
        return Reply(200, {"content-type": "text/plain; version=0.0.4; charset=utf-8"}, text.encode())

    def parse(self, request: Request) -> Call:
        """Take a request apart. Raises `RequestError`."""
        if self._handler.preprocess is None:
            return Call(*self.parser.parse(request))
        request = request._replace(body=bytes(request.body))  # handlers may do with it what one does with bytes
        body = self.parser.read(request)
        return Call(self.parser.check(self._handler.before(request, body.values)), body.asked)

    def model_error(self, error: BaseException) -> BaseException:
        """What a caller is told of an exception that came out of the model."""
        if isinstance(error, (RequestError, TimeoutError)):
            return error
        told = Unanswered("SW1530", "the model failed on this request; the service's log has the reason")
        told.__cause__ = error
        return told

    def finish(self, call: Call, outcome: Outcome) -> Reply:
        """The reply to a request whose outputs are there. Raises `RequestError`."""
        names = self.config["outputs"]
        outputs = outcome.outputs if names is None else {name: outcome.outputs[name] for name in names}
        if self._handler.postprocess is not None:
            answer = self._handler.after(outputs)
            if not (isinstance(answer, dict) and all(isinstance(value, np.ndarray) for value in answer.values())):
                return self._headed(self._encode_value(answer), outcome.batch)
            outputs = answer
        reply = encode(outputs, call.asked, self._classes, self.located.name, self.located.version)
        return self._headed(reply, outcome.batch)

    def refuse(self, error: BaseException) -> Reply:
        """The reply to a request that failed; what is not the caller's fault is logged with its traceback, once."""
        if isinstance(error, TimeoutError):
            error = Unanswered("SW1532", f"no answer within {self.config['timeout_ms']} ms", status=504)
        elif not isinstance(error, RequestError):
            log.error("SW1539: a fault of the service itself", exc_info=error)
            error = Unanswered("SW1539", "a fault of the service itself; its log has the reason")
        elif error.status == 500:
            log.error("%s: %s", error.code, error.message, exc_info=error.__cause__ or error)
        reply = encode_error(error.status, error.code, error.message, error.input)
        headers = {**reply.headers, **self._headers, "x-scorewright-lane": self.lane, **error.headers}
        return Reply(reply.status, headers, reply.body)

    def _answer(self, request: Request) -> Reply:
        if request.method != "POST":
            return self._not_post(request.method)
        call = self.parse(request)
        try:
            outcome = self.model_call(call.inputs)
        except Exception as error:  # frameworks raise anything; the log has it, the caller learns that it was not them
            raise self.model_error(error) from error
        return self.finish(call, outcome)

    def _make_parser(self) -> Parser:
        image, inputs = self.config["image"], self.signature.inputs
        if image is not None and len(inputs) != 1:
            raise StartError("SW1506", "`image` is for models with one input")
        reader = None if image is None else ImageReader(image, inputs[0], self.limits.pixels)
        outputs = None if self._handler.postprocess else self._classes.names(self.output_names)
        return Parser(self.signature, self.limits, reader, outputs, self._handler.preprocess is not None)

    def _most_rows(self, splits: bool) -> int:
        """Most rows that one call may serve: the deploy file's limit, or fewer where more would gain nothing."""
        batching = self.config["batching"]
        limit = int(batching["max_batch_size"]) if batching and splits else 1
        most = self.caller.grow(limit)
        if most < limit:
            log.info("batches have at most %d rows: more would cost as much for each", most)
        return most

    def _classes_go_by_rows(self) -> bool:
        """Whether the model may answer classes: nothing else is asked of its scores, and each row has its own."""
        shapes = {spec.name: spec.shape for spec in self.signature.outputs}
        found = [shapes.get(name) or () for name in self.output_names]
        by_rows = all(len(shape) > 1 and shape[-1] for shape in found)
        return by_rows and self._classes.mode == "argmax" and self._handler.postprocess is None

    def _prove(self) -> bool:
        """Warm the model up, and hold what it says against what the deploy file and the signature say.

        Returns whether rows of several requests may run as one call: the signature says so, and a call has shown it.
        """
        batch = self.signature.batch
        rows = 2 if batch else 1  # two, to see that rows stay apart
        # Compilers learn that rows vary from two numbers above one, since one row is a case of its own to them.
        outputs = warm_up(self.model, self.signature, [rows, 3, 1] if batch else [1])
        if outputs is None:
            return batch
        check_outputs(outputs, self.signature.outputs, self.config["outputs"])
        if self._handler.postprocess is None:
            self._check_classes({name: outputs[name] for name in self.output_names})
        if batch and not rows_run_together(outputs, rows):
            log.warning("outputs do not have one entry per row: requests are never batched")
            return False
        if batch and self.config["batching"] and not rows_stay_apart(self.model, self.signature):
            log.warning("a row's answer depends on the rows beside it: requests are never batched")
            return False
        return batch

    def _check_classes(self, outputs: Arrays) -> None:
        """Raise `StartError` (SW1506) where ``output`` asks for classes that an output does not have."""
        classes = self._classes
        if classes.mode == "raw":
            return
        for name, array in outputs.items():
            if array.ndim == 0 or array.dtype.kind not in "biufV":
                raise StartError("SW1506", f"`output: {classes.mode}` needs scores; {name} is {array.dtype}")
            if classes.labels and len(classes.labels) < array.shape[-1]:
                text = f"`labels` has {len(classes.labels)} lines, the output {name} has {array.shape[-1]} classes"
                raise StartError("SW1506", text)

    def _encode_value(self, value: object) -> Reply:
        try:
            return encode_value(value)
        except (TypeError, ValueError, RecursionError) as error:
            text = "what the handler's postprocess returned cannot be written as JSON"
            raise Unanswered("SW1531", text) from error

    def _headed(self, reply: Reply, batch: int) -> Reply:
        told = {"x-scorewright-lane": self.lane, "x-scorewright-batch": str(batch)}
        return Reply(reply.status, {**reply.headers, **self._headers, **told}, reply.body)

    def _not_post(self, method: str) -> Reply:
        if method == "OPTIONS":
            return Reply(200, {"content-type": "text/html; charset=utf-8", "allow": "POST, OPTIONS"}, b"")
        reply = encode_error(405, "SW1523", f"{method} is not answered here; use POST")
        return Reply(405, {**reply.headers, **self._headers, "allow": "POST, OPTIONS"}, reply.body)


_STARTED: list[Service] = []


def started() -> Service | None:
    """The service that this process has started last."""
    return _STARTED[0] if _STARTED else None


def _header(text: str) -> str:
    """Text that a header can carry."""
    return "".join(char if " " <= char <= "~" and char != "," else "?" for char in text)
