"""Requests that wait together run as one call, and nobody notices but by the speed."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from tests.runtime.support import Doubler, signature_of, submit

from scorewright_runtime import Arrays, Unanswered
from scorewright_runtime.batch import Caller, Outcome
from scorewright_runtime.batcher import Batcher, Gone
from scorewright_runtime.metrics import Metrics
from scorewright_runtime.threads import Crowd, ThreadedCall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROWS = signature_of(x=("float32", [None, None]))


class Gated(Doubler):
    """A model whose calls wait until the gate is opened, and which remembers how many rows each had."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.started = threading.Event()
        self.calls: list[int] = []

    def predict(self, inputs: Arrays) -> Arrays:
        """Double the inputs, once the gate is open; fail for 666."""
        self.calls.append(inputs["x"].shape[0])
        self.started.set()
        self.gate.wait(10)
        if (inputs["x"] == 666).any():
            raise RuntimeError("the number of the beast")
        return super().predict(inputs)


def rows(*values: float, width: int = 2) -> Arrays:
    """An input of one row per value."""
    return {"x": np.repeat(np.array(values, np.float32)[:, None], width, axis=1)}


def never() -> bool:
    """A client that stays."""
    return False


def make(model: Doubler, max_rows: int = 8, timeout: float = 20.0, delay: float = 0.0, pace: float = 1e-2) -> Batcher:
    """A batcher on the running loop around a model that is taken for slow unless ``pace`` says otherwise."""
    metrics = Metrics()
    caller = Caller(model, ROWS, True, metrics)
    caller.pace, caller.row_pace = pace, pace / 8
    return Batcher(caller, metrics, max_rows, delay, timeout)


def run(scenario: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever the scenario returns
    """Run a scenario on an event loop of its own."""
    return asyncio.run(scenario())  # type: ignore[arg-type]


async def first_call(model: Gated, batcher: Batcher) -> asyncio.Future[Outcome]:
    """Submit one request and wait until the model is busy with it."""
    future = submit(batcher, rows(0), never)
    await asyncio.get_running_loop().run_in_executor(None, model.started.wait)
    return future


def test_a_lone_request_runs_at_once_and_alone() -> None:
    async def scenario() -> Outcome:
        return await submit(make(Doubler(), pace=1e-6), rows(1, 2), never)

    outcome = run(scenario)
    assert outcome.batch == 2
    assert outcome.outputs["double_x"].tolist() == [[2, 2], [4, 4]]


@pytest.mark.parametrize("pace", [1e-6, 1e-2])
def test_a_burst_is_one_call_and_everybody_gets_their_own_rows(pace: float) -> None:
    async def scenario() -> list[Outcome]:
        batcher = make(Doubler(), pace=pace)
        return await asyncio.gather(*[submit(batcher, rows(*range(n, 2 * n)), never) for n in (1, 2, 3)])

    outcomes = run(scenario)
    assert [outcome.batch for outcome in outcomes] == [6, 6, 6]
    assert [outcome.outputs["double_x"][:, 0].tolist() for outcome in outcomes] == [[2], [4, 6], [6, 8, 10]]


@pytest.mark.parametrize(("delay", "batches"), [(20.0, [5] * 5), (0.0, [1] * 5)])
def test_a_fast_model_is_called_when_a_round_of_the_loop_brings_nobody(delay: float, batches: list[int]) -> None:
    async def scenario() -> list[int]:
        batcher = make(Doubler(), pace=1e-6, delay=delay)
        futures = []
        for n in range(5):
            futures.append(submit(batcher, rows(n), never))
            await asyncio.sleep(0)
        return [outcome.batch for outcome in await asyncio.gather(*futures)]

    assert run(scenario) == batches


def test_callers_who_keep_coming_hold_a_fast_model_up_no_longer_than_the_delay() -> None:
    async def scenario() -> int:
        batcher = make(Doubler(), max_rows=10**6, pace=1e-6, delay=0.005)
        futures = [submit(batcher, rows(0), never)]
        while not futures[0].done():
            futures.append(submit(batcher, rows(0), never))
            await asyncio.sleep(0)
        await asyncio.gather(*futures)
        return futures[0].result().batch

    assert 1 < run(scenario) < 10**6


def test_a_fast_model_is_called_for_several_full_batches_before_they_are_answered() -> None:
    class Counting(Doubler):
        calls = 0

        def predict(self, inputs: Arrays) -> Arrays:
            self.calls += 1
            return super().predict(inputs)

    model = Counting()
    seen: list[int] = []

    async def scenario() -> None:
        batcher = make(model, max_rows=2, pace=1e-9)
        for n in range(3):
            batcher.queue(rows(n, n), lambda _: seen.append(model.calls), never)
        while len(seen) < 3:
            await asyncio.sleep(0)

    run(scenario)
    assert seen[0] > 1


def test_a_fast_model_that_times_out_itself_leaves_nobody_waiting() -> None:
    class Impatient(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            raise TimeoutError

    async def scenario() -> list[Any]:
        batcher = make(Impatient(), max_rows=2, pace=1e-9)
        futures = [submit(batcher, rows(n), never) for n in range(4)]
        return await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 5)

    assert [type(answer) for answer in run(scenario)] == [TimeoutError] * 4


def test_a_slow_call_behind_fast_ones_runs_in_its_thread() -> None:
    class Remembering(Doubler):
        threads: ClassVar[list[str]] = []

        def predict(self, inputs: Arrays) -> Arrays:
            self.threads.append(threading.current_thread().name)
            return super().predict(inputs)

    caller = Caller(Remembering(), signature_of(x=("float32", [None, 2])), True, Metrics())
    caller.grow(1)
    Remembering.threads.clear()

    async def scenario() -> list[int]:
        batcher = Batcher(caller, Metrics(), 8, 0.0, 20.0)
        futures = [submit(batcher, rows(1), never), submit(batcher, rows(*[2] * 10**6), never)]
        return [outcome.batch for outcome in await asyncio.gather(*futures)]

    assert run(scenario) == [1, 10**6]
    assert Remembering.threads == ["MainThread", "scorewright-model"]


def test_what_queues_while_the_model_is_busy_runs_together() -> None:
    model = Gated()

    async def scenario() -> list[int]:
        batcher = make(model)
        futures = [await first_call(model, batcher)]
        futures += [submit(batcher, rows(n), never) for n in range(5)]
        model.gate.set()
        return [outcome.batch for outcome in await asyncio.gather(*futures)]

    assert run(scenario) == [1, 5, 5, 5, 5, 5]
    assert model.calls == [1, 5]


def test_calls_stay_within_the_largest_batch_and_in_order() -> None:
    model = Gated()

    async def scenario() -> None:
        batcher = make(model, max_rows=4)
        futures = [await first_call(model, batcher)]
        futures += [submit(batcher, rows(*range(n)), never) for n in (3, 2, 1, 9, 1)]
        model.gate.set()
        await asyncio.gather(*futures)

    run(scenario)
    assert model.calls == [1, 3, 3, 9, 1]


def test_only_rows_of_one_shape_run_together() -> None:
    model = Gated()

    async def scenario() -> list[list[list[float]]]:
        batcher = make(model)
        futures = [await first_call(model, batcher)]
        futures += [submit(batcher, rows(n, width=2 + n % 2), never) for n in range(4)]
        model.gate.set()
        return [outcome.outputs["double_x"].tolist() for outcome in await asyncio.gather(*futures)]

    assert run(scenario)[1:] == [[[0, 0]], [[2, 2, 2]], [[4, 4]], [[6, 6, 6]]]
    assert model.calls == [1, 2, 2]


def test_a_request_that_fails_does_not_spoil_its_neighbours() -> None:
    model = Gated()
    model.gate.set()

    async def scenario() -> list[Any]:
        batcher = make(model)
        futures = [submit(batcher, rows(value), never) for value in (1, 666, 2)]
        return await asyncio.gather(*futures, return_exceptions=True)

    good, bad, also_good = run(scenario)
    assert isinstance(bad, RuntimeError)
    assert [outcome.outputs["double_x"].tolist() for outcome in (good, also_good)] == [[[2, 2]], [[4, 4]]]
    assert model.calls == [3, 1, 1, 1]


def test_models_whose_rows_do_not_split_run_one_by_one() -> None:
    class Summing(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            return {"sum": inputs["x"].sum(axis=0)}

    async def scenario() -> list[Outcome]:
        batcher = make(Summing())
        return await asyncio.gather(*[submit(batcher, rows(n, width=3), never) for n in (1, 2)])

    assert [outcome.outputs["sum"].tolist() for outcome in run(scenario)] == [[1, 1, 1], [2, 2, 2]]


def test_clients_that_have_gone_cost_no_call() -> None:
    model = Gated()

    async def scenario() -> list[Any]:
        batcher = make(model)
        futures = [await first_call(model, batcher)]
        futures += [submit(batcher, rows(1), lambda: True), submit(batcher, rows(2), never)]
        model.gate.set()
        return await asyncio.gather(*futures, return_exceptions=True)

    assert isinstance(run(scenario)[1], Gone)
    assert model.calls == [1, 1]


def test_late_requests_are_given_up_and_cost_no_call() -> None:
    model = Gated()

    async def scenario() -> list[Any]:
        batcher = make(model, timeout=0.1)
        futures = [await first_call(model, batcher), submit(batcher, rows(1), never)]
        results = await asyncio.gather(*futures, return_exceptions=True)
        model.gate.set()
        return [*results, await submit(batcher, rows(7), never)]

    first, second, later = run(scenario)
    assert isinstance(first, TimeoutError)
    assert isinstance(second, TimeoutError)
    assert later.outputs["double_x"].tolist() == [[14, 14]]
    assert model.calls == [1, 1]


def test_a_call_that_nobody_waits_for_is_interrupted() -> None:
    ended = threading.Event()

    class Endless(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            try:
                while not ended.is_set():
                    time.sleep(0.001)
            except TimeoutError:
                ended.set()
                raise
            return super().predict(inputs)

    async def scenario() -> Outcome:
        batcher = make(Endless(), timeout=0.1)
        with pytest.raises(TimeoutError):
            await submit(batcher, rows(1), never)
        await asyncio.get_running_loop().run_in_executor(None, ended.wait, 10)
        return await submit(make(Endless(), timeout=10), rows(3), never)

    assert run(scenario).outputs["double_x"].tolist() == [[6, 6]]


def test_a_queue_longer_than_the_time_out_is_refused() -> None:
    model = Gated()

    async def scenario() -> Unanswered:
        batcher = make(model, timeout=1.0, pace=0.8)
        futures = [await first_call(model, batcher)]
        with pytest.raises(Unanswered) as caught:
            futures += [submit(batcher, rows(n), never) for n in range(1000)]
        model.gate.set()
        return caught.value

    refused = run(scenario)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "SW1533", "1")


def test_after_a_batch_the_next_call_waits_for_those_who_come_back() -> None:
    model = Gated()
    model.gate.set()

    async def scenario() -> None:
        batcher = make(model, delay=5.0)
        await asyncio.gather(*[submit(batcher, rows(n), never) for n in range(3)])
        first = submit(batcher, rows(1), never)
        await asyncio.sleep(0.01)
        assert model.calls == [3]
        await asyncio.gather(first, submit(batcher, rows(2), never), submit(batcher, rows(3), never))

    run(scenario)
    assert model.calls == [3, 3]


def test_the_wait_goes_on_while_callers_keep_coming_back_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Gated()
    model.gate.set()
    clock = [time.monotonic()]

    async def scenario() -> None:
        batcher = make(model, delay=0.02)
        await asyncio.gather(*[submit(batcher, rows(n), never) for n in range(8)])
        monkeypatch.setattr("scorewright_runtime.batcher.time", SimpleNamespace(monotonic=lambda: clock[0]))
        first = submit(batcher, rows(1), never)
        await asyncio.sleep(0.1)  # by the batcher's own clock this caller has come just now
        assert model.calls == [8]
        clock[0] += 0.011  # for longer than half of the delay nobody has come
        await first
        assert model.calls == [8, 1]

    run(scenario)


def test_the_next_call_begins_before_the_last_answers_are_handed_out() -> None:
    model = Gated()
    seen: list[bool] = []

    async def scenario() -> None:
        batcher = make(model)
        batcher.queue(rows(0), lambda _: seen.append(model.started.wait(10)), never)
        await asyncio.get_running_loop().run_in_executor(None, model.started.wait)
        model.started.clear()
        second = submit(batcher, rows(1), never)
        model.gate.set()
        await second

    run(scenario)
    assert seen == [True]


@pytest.mark.parametrize("delay", [0.0, 0.002])
@pytest.mark.parametrize("pace", [1e-2, 1e-9])
def test_many_threads_get_their_own_answers(delay: float, pace: float) -> None:
    class Slow(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            time.sleep(0.0015)
            return super().predict(inputs)

    caller = Caller(Slow(), signature_of(x=("float32", [None, 2])), True, Metrics())
    caller.grow(1)  # slow, as measured
    if pace < 1e-3:
        caller._quick_rows = 8
    call = ThreadedCall(caller, lambda: Batcher(caller, Metrics(), 8, delay, 20.0), 8, 20.0)
    wrong: list[float] = []
    batches: list[int] = []

    def ask(number: int) -> None:
        for turn in range(50):
            value = float(100 * number + turn)
            outcome = call(rows(value))
            batches.append(outcome.batch)
            if outcome.outputs["double_x"].tolist() != [[2 * value, 2 * value]]:
                wrong.append(value)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (wrong, len(batches)) == ([], 600)
    assert max(batches) > 1


def test_threads_share_calls_of_a_slow_model() -> None:
    model = Gated()
    metrics = Metrics()
    caller = Caller(model, ROWS, True, metrics)
    caller.pace = caller.row_pace = 1e-2
    call = ThreadedCall(caller, lambda: Batcher(caller, metrics, 8, 0.0, 20.0), 8, 20.0)
    answers: dict[int, list[list[float]]] = {}

    def ask(value: int) -> None:
        answers[value] = call(rows(value)).outputs["double_x"].tolist()

    threads = [threading.Thread(target=ask, args=[value]) for value in range(8)]
    threads[0].start()
    model.started.wait(10)
    for thread in threads[1:]:
        thread.start()
    while metrics.waiting < 7:
        time.sleep(0.001)
    model.gate.set()
    for thread in threads:
        thread.join(10)
    assert answers == {value: [[2 * value, 2 * value]] for value in range(8)}
    assert model.calls == [1, 7]


def crowd_of(model: Doubler, monkeypatch: pytest.MonkeyPatch, *followers: Arrays, splits: bool = True) -> list[Any]:
    """What the first request of a crowd gets, and each that comes while it gives way."""
    crowd = Crowd(Caller(model, ROWS, splits, Metrics()), 8, 10.0)
    answers: list[Any] = [None] * (1 + len(followers))
    threads: list[threading.Thread] = []

    def ask(place: int, inputs: Arrays) -> None:
        try:
            answers[place] = crowd(inputs)
        except Exception as error:
            answers[place] = error

    def give_way() -> None:
        if len(threads) < len(followers):
            threads.append(threading.Thread(target=ask, args=[len(threads) + 1, followers[len(threads)]]))
            threads[-1].start()
            while len(crowd._waiting) <= len(threads):
                time.sleep(0.001)

    monkeypatch.setattr("scorewright_runtime.threads._give_way", give_way)
    ask(0, rows(1))
    for thread in threads:
        thread.join(10)
    return answers


def test_threads_that_come_while_the_first_gives_way_share_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = crowd_of(Doubler(), monkeypatch, rows(2), rows(3, 4))
    assert [answer.batch for answer in answers] == [4, 4, 4]
    assert [answer.outputs["double_x"][:, 0].tolist() for answer in answers] == [[2], [4], [6, 8]]


def test_threads_share_calls_of_one_shape_and_no_more_rows_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [rows(2, width=3), rows(3, 3, 3, 3), rows(4, 4, 4, 4), rows(5, width=3)]
    answers = crowd_of(Doubler(), monkeypatch, *others)
    assert [answer.batch for answer in answers] == [5, 2, 5, 4, 2]
    assert [float(answer.outputs["double_x"][0, 0]) for answer in answers] == [2, 4, 6, 8, 10]


def test_a_request_that_fails_in_a_crowd_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Gated()
    model.gate.set()
    answers = crowd_of(model, monkeypatch, rows(666), rows(3))
    assert [type(answer).__name__ for answer in answers] == ["Outcome", "RuntimeError", "Outcome"]


def test_nobody_in_a_crowd_waits_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(Doubler):
        def predict(self, inputs: Arrays) -> Arrays:
            raise TimeoutError

    answers = crowd_of(Interrupted(), monkeypatch, rows(2), rows(3))
    assert [type(answer) for answer in answers] == [TimeoutError] * 3


def test_rows_that_must_stay_apart_make_no_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    assert crowd_of(Doubler(), monkeypatch, splits=False)[0].batch == 1


def test_a_request_that_leaves_no_room_for_another_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_way() -> None:
        raise AssertionError("nobody could join")

    monkeypatch.setattr("scorewright_runtime.threads._give_way", give_way)
    assert Crowd(Caller(Doubler(), ROWS, True, Metrics()), 8, 10.0)(rows(*range(5))).batch == 5


def test_the_main_thread_calls_a_slow_model_itself() -> None:
    model = Gated()
    model.gate.set()
    caller = Caller(model, ROWS, True, Metrics())
    caller.pace = 1.0

    def unused() -> Batcher:
        raise AssertionError("no batcher is needed")

    assert ThreadedCall(caller, unused, 8, 1.0)(rows(2)).batch == 1
