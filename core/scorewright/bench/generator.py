"""The load generator. It runs in a process of its own and does nothing else there:

    python -m scorewright.bench.generator < load.json > outcome.json

A request is one write of bytes that were ready before, an answer is checked by comparing bytes. In a closed loop all
that were sent in the counted time are awaited and counted; in an open loop a request's time begins when it was due,
even if no connection was free or the generator itself was late (else slow moments of the service would be sampled less
often than fast ones: "coordinated omission", https://www.scylladb.com/2021/04/22/on-coordinated-omission/).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import ssl
import sys
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

from scorewright.bench.load import PERCENTILES, Load, Outcome, percentile
from scorewright.bench.same import Expected
from scorewright.bench.wire import Address, Answer, Malformed, Reader, request_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

SPIN_SECONDS = 0.0015
"""Event loops sleep in whole milliseconds; what is due sooner is waited for awake."""
PAUSE_SECONDS = 0.05
"""Pause of a caller that could not connect."""
SEED = 7
TOLD = {"device": b"x-scorewright-device", "lane": b"x-scorewright-lane", "model": b"x-scorewright-model"}


class Refused(Exception):
    """The service does not take a request, so there is nothing to measure."""


class Caller(asyncio.Protocol):
    """One connection with one request at a time. ``run``: gets the answers."""

    __slots__ = ("_reader", "_run", "busy", "payload", "sent", "since", "transport")

    def __init__(self, run: Generator) -> None:
        self._run = run
        self._reader = Reader()
        self.transport: asyncio.Transport | None = None
        self.busy = False
        self.payload = 0
        self.since = self.sent = 0.0

    def begin(self, payload: int, since: float) -> None:
        """Send a request; ``since``: when its time began."""
        self.busy, self.payload, self.since = True, payload, since
        if self.transport is None:
            self._run.connect(self)
        else:
            self.sent = time.perf_counter()
            self.transport.write(self._run.requests[payload])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what waits for the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self._reader = transport, Reader()
        if self.busy:
            self.sent = time.perf_counter()
            transport.write(self._run.requests[self.payload])

    def data_received(self, data: bytes) -> None:
        """Take an answer, or a part of it."""
        try:
            answer = self._reader.feed(data)
        except Malformed:
            self.fail("not HTTP")
            return
        if answer is not None:
            self._take(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take an answer that the end completes, else the failure."""
        self.transport = None
        if self.busy:
            answer = self._reader.end()
            if answer is None:
                self.fail("connection closed")
            else:
                self._take(answer)

    def fail(self, kind: str) -> None:
        """Give the request up."""
        self.drop()
        self.busy = False
        self._run.failed(self, kind)

    def drop(self) -> None:
        """Close the connection at once."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.set_protocol(asyncio.Protocol())  # what is still to come of it concerns nobody
            transport.abort()

    def _take(self, answer: Answer) -> None:
        if not answer.reusable or not self._run.load.keep_alive:
            self.drop()
        self.busy = False
        self._run.answered(self, answer)


class Generator:
    """Puts one load on a service, once. ``requests``: as bytes, one for each body. ``counting``: see `measure`."""

    def __init__(self, load: Load, counting: Callable[[], object]) -> None:
        self.load = load
        self._counting = counting
        self._address = Address.of(load.uri, load.unix)
        self.requests = [
            request_bytes(self._address, load.headers, body, keep_alive=load.keep_alive) for body in load.bodies
        ]
        self._loop = asyncio.get_running_loop()
        self._tls = ssl.create_default_context() if self._address.tls else None
        self._callers = [Caller(self) for _ in range(load.concurrency)]
        self._idle: deque[Caller] = deque(self._callers)
        self._due: deque[float] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._expected = [Expected() for _ in load.bodies]
        self._next = 0
        self._issued = 0
        self._latencies: list[float] = []
        self._lags: list[float] = []
        self._failures: Counter[str] = Counter()
        self._batches: Counter[bytes] = Counter()
        self._told: dict[str, str] = {}
        self._within = 0
        self._start = self._stop = float("inf")
        self._learning: asyncio.Future[Answer] | None = None
        self._used_up = asyncio.Event()

    async def run(self) -> Outcome:
        """Warm up, measure, wait for what is under way, and tell.

        Raises `Refused` if the service does not answer the first requests, or answers them with an error.
        """
        try:
            await self._learn()
            return await self._load()
        finally:
            self._due.clear()
            self._stop = 0.0  # nobody sends again
            for caller in self._callers:
                caller.drop()
            for task in self._tasks:
                task.cancel()
            await asyncio.sleep(0.01)  # so that what was dropped is closed before the loop is

    async def _load(self) -> Outcome:
        load = self.load
        self._start = time.perf_counter() + load.warmup
        self._stop = self._start + load.seconds
        watch = self._loop.create_task(self._watch())
        self._tasks.add(watch)
        if load.rate is None:
            for caller in self._callers:
                self._send(caller, time.perf_counter())
        else:
            self._arrivals(load.rate)
            self._tick()
        await asyncio.sleep(load.warmup)
        self._counting()
        began, used = time.perf_counter(), _cpu_seconds()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._used_up.wait(), max(0.0, self._stop - began))
        ended = time.perf_counter()
        self._stop = min(self._stop, ended)
        own = (_cpu_seconds() - used) / (ended - began)
        await self._settle()
        return self._outcome(own)

    def connect(self, caller: Caller) -> None:
        """Connect a caller, which then sends what it has to send."""
        task = self._loop.create_task(self._connect(caller))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def answered(self, caller: Caller, answer: Answer) -> None:
        """Count an answer and let the caller go on."""
        now = time.perf_counter()
        if self._learning is not None:
            self._learning.set_result(answer)
            return
        problem = self._problem(caller.payload, answer)
        if self._start <= now < self._stop and problem is None:
            self._within += 1
        if self._start <= caller.since < self._stop:
            if problem is None:
                self._latencies.append(now - caller.since)
                batch = answer.header(b"x-scorewright-batch")
                if batch is not None:
                    self._batches[batch] += 1
            else:
                self._failures[problem] += 1
        self._go_on(caller, now)

    def failed(self, caller: Caller, kind: str) -> None:
        """Count a request without an answer and let the caller go on after a pause."""
        if self._learning is not None:
            self._learning.set_exception(Refused(kind))
            return
        if self._start <= caller.since < self._stop:
            self._failures[kind] += 1
        self._loop.call_later(PAUSE_SECONDS, lambda: self._go_on(caller, time.perf_counter()))

    async def _learn(self) -> None:
        """Ask each body once, alone: its answer is what all others to it are held against."""
        caller = self._callers[0]
        for payload, expected in enumerate(self._expected):
            self._learning = self._loop.create_future()
            caller.begin(payload, time.perf_counter())
            try:
                answer = await asyncio.wait_for(self._learning, self.load.timeout)
            except TimeoutError:
                raise Refused(f"no answer within {self.load.timeout:g} s") from None
            if answer.status != 200:
                text = answer.body[:300].decode("utf-8", "replace")
                raise Refused(f"status {answer.status}: {text}")
            expected.learn(answer.body)
            self._told = {
                name: value.decode("latin-1")
                for name, header in TOLD.items()
                if (value := answer.header(header)) is not None
            }
        self._learning = None

    async def _connect(self, caller: Caller) -> None:
        address = self._address
        try:
            async with asyncio.timeout(self.load.timeout):
                if address.unix is not None:
                    await self._loop.create_unix_connection(lambda: caller, address.unix)
                else:
                    await self._loop.create_connection(lambda: caller, address.host, address.port, ssl=self._tls)
        except OSError as error:  # TimeoutError is one
            if caller.busy:
                caller.fail(f"cannot connect: {error.strerror or type(error).__name__}")

    def _go_on(self, caller: Caller, now: float) -> None:
        if caller.busy:
            return
        if self.load.rate is not None:
            if self._due and self._due[0] <= now:
                self._send(caller, self._due.popleft())
            else:
                self._idle.append(caller)
        elif self._issued >= self.load.most:
            if not any(other.busy for other in self._callers):
                self._used_up.set()
        elif now < self._stop:
            self._send(caller, now)

    def _send(self, caller: Caller, since: float) -> None:
        payload = self._next
        self._next = payload + 1 if payload + 1 < len(self.requests) else 0
        self._issued += 1
        caller.begin(payload, since)

    def _arrivals(self, rate: float) -> None:
        """When requests are due: at random, independent of each other, as those of many clients are."""
        chance, due = random.Random(SEED), time.perf_counter()
        while len(self._due) < self.load.most and (due := due + chance.expovariate(rate)) < self._stop:
            self._due.append(due)

    def _tick(self) -> None:
        """Send what is due, as far as callers are free, and come again in time for the next."""
        now = time.perf_counter()
        while self._due and self._idle and self._due[0] <= now:
            since = self._due.popleft()
            if since >= self._start:
                self._lags.append(now - since)
            self._send(self._idle.popleft(), since)
            now = time.perf_counter()
        if self._due and now < self._stop:
            wait = self._due[0] - now if self._idle else PAUSE_SECONDS / 10
            if wait > SPIN_SECONDS:
                self._loop.call_later(wait - SPIN_SECONDS, self._tick)
            else:
                self._loop.call_soon(self._tick)

    async def _settle(self) -> None:
        """Wait for what is under way; what then has no answer is a failure, with the time that it has waited."""
        limit = time.perf_counter() + min(self.load.timeout, 2 * self.load.seconds + 1)
        while time.perf_counter() < limit and (self._due or any(caller.busy for caller in self._callers)):
            await asyncio.sleep(0.002)
        now = time.perf_counter()
        waiting = [caller.since for caller in self._callers if caller.busy] + list(self._due)
        for since in waiting:
            if self._start <= since < self._stop:
                self._failures["unanswered"] += 1
                self._latencies.append(now - since)

    async def _watch(self) -> None:
        """Give up requests that outlive the time-out."""
        while True:
            await asyncio.sleep(0.25)
            oldest = time.perf_counter() - self.load.timeout
            for caller in self._callers:
                if caller.busy and caller.transport is not None and caller.sent < oldest:
                    caller.fail("timeout")

    def _problem(self, payload: int, answer: Answer) -> str | None:
        if answer.status != 200:
            return f"status {answer.status}"
        if self.load.check and not self._expected[payload].agrees(answer.body):
            return "wrong answer"
        return None

    def _outcome(self, own: float) -> Outcome:
        ordered = sorted(self._latencies)
        shown: dict[str, float] = {}
        if ordered:
            shown = {f"p{share:g}": percentile(ordered, share) for share in PERCENTILES}
            shown |= {"mean": sum(ordered) / len(ordered), "max": ordered[-1]}
        load, seconds = self.load, max(self._stop - self._start, 1e-9)
        return Outcome(
            concurrency=load.concurrency,
            rate=load.rate,
            rows=load.rows,
            requests=self._within,
            seconds=round(seconds, 4),
            rps=self._within / seconds,
            latency={name: round(value * 1000, 4) for name, value in shown.items()},
            failures=dict(self._failures),
            batches={int(size): count for size, count in sorted(self._batches.items(), key=lambda item: int(item[0]))},
            told=self._told,
            own_cpu=round(own, 3),
            lag=round(percentile(sorted(self._lags), 99) * 1000, 4) if self._lags else 0.0,
        )


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(load: Load, counting: Callable[[], object] = lambda: None) -> Outcome:
    """Put the load on its service, from this event loop. ``counting``: called when the warm-up is over.

    Raises `Refused`.
    """
    return await Generator(load, counting).run()


def _tell() -> None:
    sys.stdout.write("counting\n")
    sys.stdout.flush()


def main() -> int:
    """Read a load from stdin; write a line to stdout when the counting begins, and the outcome."""
    load = Load.from_dict(json.load(sys.stdin))
    if load.cpu is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {load.cpu})
    try:
        told = asyncio.run(measure(load, _tell)).to_dict()
    except Refused as refused:
        sys.stdout.write("refused\n")
        told = {"refused": str(refused)}
    json.dump(told, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
