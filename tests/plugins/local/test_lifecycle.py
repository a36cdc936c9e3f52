"""Create, keep, update, roll back, take down: on the real scoring server."""

from __future__ import annotations

import multiprocessing
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from scorewright.errors import DeploymentError
from scorewright.target import DesiredRequest, Endpoint, TargetRequest
from scorewright_local.target import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.plugins.local.conftest import Workbench


def test_a_service_answers_after_up_and_nothing_is_left_after_down(bench: Workbench) -> None:
    live = bench.up(bench.bundle("first"))

    assert live.state == "healthy"
    answer = bench.score()
    assert (answer["value"], answer["weight"]) == ("first", 7)

    bench.down()
    assert bench.observe() == ()
    assert not bench.place().folder.exists()
    assert not bench.place().folder.parent.exists()
    assert not bench.place().socket_folder().exists()


def test_what_is_observed_equals_what_is_desired(bench: Workbench) -> None:
    bundle = bench.bundle()
    bench.up(bundle)

    (wanted,) = LOCAL.desired(DesiredRequest(bench.spec, bench.events.append, {"digits": bundle}))
    (live,) = bench.observe()

    assert live.address == wanted.address
    assert live.properties == wanted.properties
    assert live.ours
    assert live.owned


def test_a_service_outlives_the_process_that_started_it(bench: Workbench) -> None:
    bundle = bench.bundle("kept")
    process = multiprocessing.get_context("fork").Process(target=bench.up, args=(bundle,))
    process.start()
    process.join()

    assert process.exitcode == 0
    assert bench.score()["value"] == "kept"


def test_an_update_fails_no_request_and_keeps_the_address(bench: Workbench) -> None:
    bench.up(bench.bundle(1))
    endpoint = bench.endpoint()
    seen: list[Any] = []
    failed: list[object] = []
    enough = threading.Event()

    def traffic() -> None:
        with httpx.Client(headers=dict(endpoint.headers), timeout=30) as client:
            while not enough.is_set():
                answer = client.post(endpoint.scoring_uri, json={})
                if answer.status_code == 200:
                    seen.append(answer.json()["value"])
                else:
                    failed.append(answer.text)

    threads = [threading.Thread(target=traffic) for _ in range(3)]
    for thread in threads:
        thread.start()
    bench.up(bench.bundle(2))
    enough.set()
    for thread in threads:
        thread.join()

    assert failed == []
    assert set(seen) <= {1, 2}
    assert seen[0] == 1
    assert bench.endpoint() == endpoint
    assert bench.score()["value"] == 2


def test_a_request_that_the_old_version_has_begun_is_answered_by_it(
    bench: Workbench, tmp_path: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    bench.up(bench.bundle("old"))
    answers: list[dict[str, Any]] = []
    bundle = bench.bundle("new")
    begun = tmp_path / "begun"
    slow = threading.Thread(target=lambda: answers.append(bench.score(sleep=2, touch=str(begun))))

    def start_slow_request(endpoint: Endpoint) -> None:
        slow.start()
        eventually(begun.exists)

    bench.up(bundle, verify=start_slow_request)
    assert bench.score()["value"] == "new"
    assert answers == []
    slow.join()
    assert answers[0]["value"] == "old"


def test_down_does_not_wait_for_a_request_that_the_old_version_still_answers(
    bench: Workbench, tmp_path: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    bench.up(bench.bundle("old", timeout_ms=600000))
    bundle = bench.bundle("new")
    begun = tmp_path / "begun"
    broken: list[httpx.HTTPError] = []
    endpoint = bench.endpoint()

    def call() -> None:
        body = {"sleep": 300, "touch": str(begun)}
        try:
            httpx.post(endpoint.scoring_uri, json=body, headers=dict(endpoint.headers), timeout=300)
        except httpx.HTTPError as error:
            broken.append(error)

    slow = threading.Thread(target=call)
    slow.start()
    eventually(begun.exists)
    bench.up(bundle)
    bench.down()
    slow.join()

    assert len(broken) == 1


def test_the_new_version_is_verified_before_callers_meet_it(
    bench: Workbench, call: Callable[..., dict[str, Any]]
) -> None:
    bench.up(bench.bundle("old"))
    seen: list[object] = []

    def verify(endpoint: Endpoint) -> None:
        seen.extend([call(endpoint)["value"], bench.score()["value"]])

    bench.up(bench.bundle("new"), verify=verify)

    assert seen == ["new", "old"]


def refuse(endpoint: Endpoint) -> None:
    raise DeploymentError("SW1799", "the answer is wrong")


def test_a_version_that_fails_its_golden_request_changes_nothing(bench: Workbench) -> None:
    bench.up(bench.bundle("old"))
    (before,) = bench.observe()

    with pytest.raises(DeploymentError, match="the answer is wrong"):
        bench.up(bench.bundle("new"), verify=refuse)

    assert bench.observe() == (before,)
    assert bench.score()["value"] == "old"
    assert len(list(bench.place().versions.iterdir())) == 1


def test_a_first_version_that_fails_leaves_no_process_and_is_shown_as_failed(
    bench: Workbench, eventually: Callable[[Callable[[], bool]], None], find_strays: Callable[[], list[str]]
) -> None:
    with pytest.raises(DeploymentError, match="the answer is wrong"):
        bench.up(bench.bundle(), verify=refuse)

    eventually(lambda: find_strays() == [])
    (live,) = bench.observe()
    assert live.state == "failed"
    assert live.info["summary"] == "the answer is wrong"
    with pytest.raises(DeploymentError) as caught:
        bench.endpoint()
    assert caught.value.code == "SW2007"

    assert bench.up(bench.bundle()).state == "healthy"


def test_a_deploy_file_is_the_same_however_it_is_reached(bench: Workbench) -> None:
    bench.up(bench.bundle())
    (bench.folder.parent / "link").symlink_to(bench.folder)

    for way in (bench.folder / ".." / bench.folder.name, bench.folder.parent / "link"):
        assert [live.state for live in type(bench)(way, services=bench.services).observe()] == ["healthy"]


def test_a_service_whose_deploy_file_is_gone_is_told_with_the_way_to_end_it(bench: Workbench) -> None:
    bench.up(bench.bundle())
    request = TargetRequest(bench.spec, bench.events.append)
    assert LOCAL.left(request) == ()
    (bench.folder / "deploy.yaml").unlink()
    (line,) = LOCAL.left(request)
    assert f"service digits of {bench.folder / 'deploy.yaml'}" in line
    assert f"kill {bench.observe()[0].info['pid']}" in line


def test_two_services_live_side_by_side(bench: Workbench) -> None:
    bench.up(bench.bundle("one", name="one"))
    bench.up(bench.bundle("two", name="two"))

    assert [live.name for live in bench.observe()] == ["one", "two"]
    assert (bench.score("one")["value"], bench.score("two")["value"]) == ("one", "two")


def test_rollback_brings_the_version_before_back_and_forth(
    bench: Workbench, call: Callable[..., dict[str, Any]]
) -> None:
    bench.up(bench.bundle("old"))
    bench.up(bench.bundle("new"))
    verified: list[object] = []

    LOCAL.rollback(bench.request(verify=lambda endpoint: verified.append(call(endpoint)["value"])))
    assert verified == ["old"]
    assert bench.score()["value"] == "old"

    LOCAL.rollback(bench.request())
    assert bench.score()["value"] == "new"


def test_a_rollback_that_fails_its_golden_request_changes_nothing(bench: Workbench) -> None:
    bench.up(bench.bundle("old"))
    bench.up(bench.bundle("new"))

    with pytest.raises(DeploymentError, match="the answer is wrong"):
        LOCAL.rollback(bench.request(verify=refuse))

    assert bench.score()["value"] == "new"
    LOCAL.rollback(bench.request())
    assert bench.score()["value"] == "old"


def test_rollback_without_a_version_before_says_so(bench: Workbench) -> None:
    bench.up(bench.bundle())

    with pytest.raises(DeploymentError) as caught:
        LOCAL.rollback(bench.request())

    assert caught.value.code == "SW2011"


def test_only_the_version_before_is_kept(bench: Workbench) -> None:
    for value in range(3):
        bench.up(bench.bundle(value))

    assert len(list(bench.place().versions.iterdir())) == 2


def test_a_service_that_was_never_started_is_named_as_missing(bench: Workbench) -> None:
    for call in (LOCAL.endpoint, LOCAL.keys, LOCAL.logs, LOCAL.regenerate_key, LOCAL.rollback):
        with pytest.raises(DeploymentError) as caught:
            call(bench.request())
        assert caught.value.code == "SW2007"
