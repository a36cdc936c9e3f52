"""Processes die: the command at any point, the front, the server. The next ``up`` puts everything right."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
from typing import TYPE_CHECKING

import psutil
import pytest

from scorewright.errors import DeploymentError
from scorewright.events import Event
from scorewright.target import DeleteRequest
from scorewright_local.files import read_json
from scorewright_local.target import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugins.local.conftest import Workbench

    from scorewright.bundle import Bundle
    from scorewright_local.places import ServicePlace


def kill_self(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_and_die(bench: Workbench, work: Callable[[Workbench], object], stage: str, after: int = 1) -> None:
    """Do some work in another process, which is killed when its ``after``-th event of a stage is told."""

    def child() -> None:
        told: list[Event] = []

        class Trap(list[Event]):
            def append(self, event: Event) -> None:
                told.append(event)
                if [event.stage for event in told].count(stage) == after:
                    kill_self()

        bench.events = Trap()
        work(bench)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("stage", "after"), [("start", 1), ("init", 1), ("init", 2), ("golden request", 1), ("swap", 1)]
)
@pytest.mark.parametrize("first", [True, False])
def test_a_killed_up_is_made_good_by_the_next(
    bench: Workbench,
    stage: str,
    after: int,
    first: bool,
    find_strays: Callable[[], list[str]],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    if not first:
        bench.up(bench.bundle("old"))
    bundle = bench.bundle("new")

    run_and_die(bench, lambda bench: bench.up(bundle, verify=lambda endpoint: None), stage, after)
    if not first:
        assert bench.score()["value"] in ("old", "new")
    bench.up(bundle)

    assert bench.score()["value"] == "new"
    eventually(lambda: len(find_strays()) == PROCESSES)


PROCESSES = 4
"""Of one service: the front, the guard, the server's master and its worker."""


def test_a_candidate_whose_command_died_in_the_golden_request_goes_by_itself(
    bench: Workbench, find_strays: Callable[[], list[str]], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    bundle = bench.bundle()

    run_and_die(bench, lambda bench: bench.up(bundle, verify=kill_self), stage="none")

    eventually(lambda: find_strays() == [])


@pytest.mark.parametrize("stage", ["stop"])
def test_a_killed_down_is_made_good_by_the_next(bench: Workbench, stage: str) -> None:
    bench.up(bench.bundle())
    (live,) = bench.observe()

    run_and_die(bench, lambda bench: LOCAL.delete(DeleteRequest(bench.spec, bench.events.append, live)), stage)
    bench.down()

    assert bench.observe() == ()


@pytest.mark.parametrize("text", ["", "{", "[]"])
@pytest.mark.parametrize("name", ["service.json", "owner.json"])
def test_a_damaged_file_blocks_neither_up_nor_down(bench: Workbench, name: str, text: str) -> None:
    bench.up(bench.bundle("old"))
    file = bench.place().folder / name
    assert file.exists()
    file.write_text(text)
    assert [live.name for live in bench.observe()] == [bench.place().name]
    bench.up(bench.bundle("new"))
    assert bench.score()["value"] == "new"
    file.write_text(text)
    bench.down()
    assert bench.observe() == ()


def test_a_service_whose_folder_is_deleted_ends_and_leaves_its_successor_alone(
    bench: Workbench, find_strays: Callable[[], list[str]], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    bench.up(bench.bundle("old"))
    old = front(bench)
    shutil.rmtree(bench.place().folder)
    bench.up(bench.bundle("new"))

    eventually(lambda: not old.is_running())
    eventually(lambda: len(find_strays()) == PROCESSES)
    assert bench.score()["value"] == "new"
    assert bench.observe()[0].state == "healthy"


@pytest.mark.parametrize("first", [True, False])
def test_what_the_disk_refuses_is_no_fault_of_ours(bench: Workbench, first: bool) -> None:
    if not first:
        bench.up(bench.bundle("old"))
    place = bench.place()
    blocked = place.folder / "versions" if first else next(place.versions.iterdir()).with_name("0002")
    bundle = bench.bundle("new")
    if first:
        place.folder.mkdir(parents=True)
        blocked.touch()  # a file where a folder must be: the tests may run as a user whom no permission stops
    else:
        bundle = type(bundle)(**{**vars(bundle), "files": {**bundle.files, "n" * 300: b""}})
    with pytest.raises(DeploymentError) as caught:
        bench.up(bundle)

    assert caught.value.code == "SW2018"
    assert any("SCOREWRIGHT_HOME" in step for step in caught.value.steps)
    if first:
        blocked.unlink()
    else:
        assert bench.score()["value"] == "old"


def test_a_half_deleted_service_comes_up_again(bench: Workbench) -> None:
    bench.up(bench.bundle("old"))
    front(bench).kill()
    bench.place().record.unlink()
    bench.place().keys.unlink()

    bench.up(bench.bundle("new"))

    assert bench.score()["value"] == "new"


def front(bench: Workbench) -> psutil.Process:
    """The front's process."""
    return psutil.Process(read_json(bench.place().front)["pid"])


def test_servers_die_with_their_front_and_up_brings_both_back_at_the_same_address(
    bench: Workbench, find_strays: Callable[[], list[str]], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    bundle = bench.bundle("kept")
    bench.up(bundle)
    endpoint = bench.endpoint()

    front(bench).kill()
    eventually(lambda: find_strays() == [])
    (live,) = bench.observe()
    assert live.state == "unhealthy"
    assert live.properties["running"] is False

    bench.up(bundle)
    assert bench.endpoint() == endpoint
    assert bench.score()["value"] == "kept"


def test_a_front_that_hangs_is_replaced(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorewright_local.service.ANSWER_SECONDS", 0.5)
    monkeypatch.setattr("scorewright_local.service.STOP_SECONDS", 3)
    bench.up(bench.bundle("old"))
    hung = front(bench)
    hung.suspend()

    bench.up(bench.bundle("new"))

    assert bench.score()["value"] == "new"
    assert not hung.is_running() or hung.status() == psutil.STATUS_ZOMBIE


def test_a_server_that_dies_is_started_again(
    bench: Workbench, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    bench.up(bench.bundle("kept"))
    guard = front(bench).children()[0]

    guard.children()[0].kill()

    eventually(lambda: bench.observe()[0].info["restarts"] == 1)
    eventually(lambda: bench.observe()[0].state == "healthy")
    assert bench.score()["value"] == "kept"


def test_a_killed_guard_takes_the_server_with_it(
    bench: Workbench, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    bench.up(bench.bundle("kept"))
    guard = front(bench).children()[0]
    server = guard.children(recursive=True)

    guard.kill()

    eventually(lambda: not any(process.is_running() for process in server))
    eventually(lambda: bench.observe()[0].state == "healthy")


def test_a_failed_update_after_the_front_died_brings_the_old_version_back(
    bench: Workbench, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    bench.up(bench.bundle("old"))
    front(bench).kill()
    broken = bench.bundle(score="def init():\n    raise ValueError('broken')\ndef run(data):\n    return 1\n")

    with pytest.raises(Exception, match="broken"):
        bench.up(broken)

    eventually(lambda: bench.observe()[0].state == "healthy")
    assert bench.score()["value"] == "old"


def test_two_commands_at_once_take_turns(bench: Workbench) -> None:
    bundles: list[Bundle] = [bench.bundle(value) for value in ("one", "two")]
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=bench.up, args=(bundle,)) for bundle in bundles]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0]
    assert bench.score()["value"] in ("one", "two")
    assert len(list(bench.place().versions.iterdir())) == 2


def test_the_port_changes_only_if_somebody_else_has_taken_it(
    bench: Workbench, holds_lock: Callable[[ServicePlace], bool], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    bench.up(bench.bundle())
    port = read_json(bench.place().record)["port"]
    front(bench).kill()
    eventually(lambda: not holds_lock(bench.place()))
    with socket.create_server(("127.0.0.1", port)):
        bench.up(bench.bundle("again"))

        assert read_json(bench.place().record)["port"] != port
        assert bench.score()["value"] == "again"
