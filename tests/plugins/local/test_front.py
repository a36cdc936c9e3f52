"""What callers meet: keys, the address, bodies of every kind, limits."""

from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from scorewright_local.files import read_json
from scorewright_local.target import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.plugins.local.conftest import Workbench

ECHO = """
import os
import time
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    if request.args.get("sleep"):
        time.sleep(float(request.args["sleep"]))
    if request.args.get("refuse"):
        return AMLResponse({"error": "too large"}, 413, json_str=True)
    if request.args.get("die"):
        os._exit(1)
    if request.args.get("headers"):
        return AMLResponse(dict(request.headers), 200, json_str=True)
    response = AMLResponse(request.get_data(), 200)
    response.headers["x-scorewright-device"] = "cpu"
    return response
"""


@pytest.fixture
def echo(bench: Workbench) -> Iterator[httpx.Client]:
    """A client of a service that answers with what it was sent."""
    bench.up(bench.bundle(score=ECHO, auth="none"))
    with httpx.Client(timeout=30) as client:
        yield client


def test_bodies_pass_both_ways_unchanged(bench: Workbench, echo: httpx.Client) -> None:
    uri = bench.endpoint().scoring_uri
    content = bytes(range(256)) * 40_000

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    assert echo.post(uri, content=content).content == content
    assert echo.post(uri, content=chunks()).content == content
    assert echo.post(uri, content=b"").content == b""


def test_headers_and_queries_reach_the_server_and_the_device_is_remembered(
    bench: Workbench, echo: httpx.Client
) -> None:
    uri = bench.endpoint().scoring_uri

    seen = echo.post(f"{uri}?headers=a%20b", headers={"X-Own": "yes", "Connection": "X-Hop", "X-Hop": "no"}).json()
    assert seen["X-Own"] == "yes"
    assert "X-Hop" not in seen

    assert echo.post(uri, content=b"1").headers["x-scorewright-device"] == "cpu"
    assert bench.observe()[0].info["device"] == "cpu"


def test_an_answer_that_comes_before_the_body_was_read_reaches_the_caller(bench: Workbench, echo: httpx.Client) -> None:
    answer = echo.post(f"{bench.endpoint().scoring_uri}?refuse=1", content=b"x" * 20_000_000)

    assert (answer.status_code, answer.json()) == (413, {"error": "too large"})


def test_a_server_that_breaks_off_is_a_502_and_the_next_request_is_answered(
    bench: Workbench, echo: httpx.Client, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    uri = bench.endpoint().scoring_uri

    answer = echo.post(f"{uri}?die=1")

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "server_failed")
    eventually(lambda: echo.post(uri, content=b"1").status_code == 200)


def test_the_health_probe_and_unknown_paths_are_the_servers_to_answer(bench: Workbench, echo: httpx.Client) -> None:
    base = bench.endpoint().scoring_uri.removesuffix("/score")

    assert echo.get(base + "/").text == "Healthy"
    assert echo.get(base + "/nowhere").status_code == 404
    assert echo.head(base + "/").content == b""


def test_a_second_request_waits_its_turn_only_so_long(bench: Workbench) -> None:
    bench.up(bench.bundle(score=ECHO, auth="none", max_concurrent_requests=1))
    uri = bench.endpoint().scoring_uri
    codes: list[int] = []

    def call() -> None:
        codes.append(httpx.post(f"{uri}?sleep=3", content=b"1", timeout=30).status_code)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == [200, 503]


def test_a_request_over_the_time_limit_ends(bench: Workbench) -> None:
    bench.up(bench.bundle(score=ECHO, auth="none", timeout_ms=300))

    answer = httpx.post(f"{bench.endpoint().scoring_uri}?sleep=20", content=b"1", timeout=30)

    assert answer.status_code == 500
    assert "Scoring timeout" in answer.text


@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", "Bearer", "Basic {key}", "Bearer {key}x", "{key}", "Bearer é"]
)
def test_without_a_right_key_nothing_is_answered(bench: Workbench, header: str | None) -> None:
    bench.up(bench.bundle())
    key = LOCAL.keys(bench.request()).primary
    headers = [] if header is None else [(b"Authorization", header.format(key=key).encode())]

    answer = httpx.post(bench.endpoint().scoring_uri, json={}, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "key_auth_access_denied"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("auth", ["key", "token"])
def test_each_key_is_right_until_it_is_made_anew(bench: Workbench, auth: str) -> None:
    bench.up(bench.bundle(auth=auth))
    uri = bench.endpoint().scoring_uri

    def status(key: str) -> int:
        return httpx.post(uri, json={}, headers={"Authorization": f"Bearer {key}"}).status_code

    before = LOCAL.keys(bench.request())
    assert (status(before.primary), status(before.secondary)) == (200, 200)

    after = LOCAL.regenerate_key(bench.request(key="primary"))
    assert after.secondary == before.secondary
    assert (status(before.primary), status(after.primary), status(after.secondary)) == (401, 200, 200)
    assert LOCAL.keys(bench.request()) == after
    assert bench.score()["value"] == 1

    bench.up(bench.bundle("next", auth=auth))
    assert LOCAL.keys(bench.request()) == after


def test_keys_are_for_their_owner_alone(bench: Workbench) -> None:
    bench.up(bench.bundle(score=ECHO))
    keys = LOCAL.keys(bench.request())
    place = bench.place()

    assert stat.S_IMODE(place.keys.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(place.socket_folder().stat().st_mode) == 0o700
    endpoint = bench.endpoint()
    seen = httpx.post(f"{endpoint.scoring_uri}?headers=1", headers=dict(endpoint.headers)).json()
    assert "Authorization" not in seen
    told = repr((keys, endpoint, bench.events, bench.observe())) + place.log.read_text()
    assert keys.primary not in told
    assert keys.secondary not in told


def test_only_the_loopback_interface_listens(bench: Workbench) -> None:
    bench.up(bench.bundle())
    front = psutil.Process(read_json(bench.place().front)["pid"])
    processes = [front, *front.children(recursive=True)]

    listening = {
        tuple(connection.laddr)
        for process in processes
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening == {("127.0.0.1", read_json(bench.place().record)["port"])}
