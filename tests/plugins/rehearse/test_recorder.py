from __future__ import annotations

import json

import pytest

from scorewright_rehearse.recorder import Recorder, decoded, redacted


def record(recorder: Recorder, action: str, method: str = "GET", body: object = None) -> None:
    recorder.begin(method, "host", "/path", {}, action, body)


def test_requests_are_found_by_action_and_resource() -> None:
    recorder = Recorder()
    record(recorder, "models.create", "POST")
    record(recorder, "models.list")
    record(recorder, "modelsx.list")
    assert [request.number for request in recorder.all("models")] == [1, 2]
    assert recorder.one("models.create").method == "POST"
    assert recorder.summary()["models.list"][0] == 1
    with pytest.raises(LookupError, match="0 requests"):
        recorder.one("models.delete")


def test_posts_that_change_nothing_are_no_writes() -> None:
    recorder = Recorder()
    for action in ("services.keys", "login.token", "services.create"):
        record(recorder, action, "POST")
    record(recorder, "services.list")
    assert [request.action for request in recorder.writes()] == ["services.create"]


def test_clearing_counts_from_one_again() -> None:
    recorder = Recorder()
    record(recorder, "a")
    recorder.clear()
    record(recorder, "b")
    assert [(request.number, request.action) for request in recorder.all()] == [(1, "b")]


def test_printed_form_holds_no_secret() -> None:
    recorder = Recorder()
    body = {
        "keys": {"primaryKey": "hush-1", "secondaryKey": None},
        "sslConfiguration": {"cert": "hush-2", "key": "hush-3"},
        "list": [{"contentUri": "https://x/y?sv=1&sig=hush-4"}],
        "kvTags": {"key": "hush-5"},
        "environmentVariables": {"DATABASE": "hush-7", "AZUREML_ENTRY_SCRIPT": "bundle/score.py"},
    }
    recorder.begin("POST", "host", "/path", {"sig": "hush-6"}, "services.create", body)
    request = recorder.one("services.create")
    assert request.body == body
    for text in (json.dumps(request.to_dict()), repr(request), str(request)):
        assert "hush" not in text
    assert "bundle/score.py" in json.dumps(request.to_dict())
    assert request.to_dict()["body"]["keys"] == {"primaryKey": "…", "secondaryKey": None}


def test_forms_and_json_are_decoded_and_the_rest_counted() -> None:
    assert decoded(b'{"a": 1}', "application/json-patch+json") == {"a": 1}
    assert decoded(b"{", "application/json") == 1
    assert decoded(b"a=1&client_secret=x", "application/x-www-form-urlencoded") == {"a": "1", "client_secret": "x"}
    assert decoded(b"1234", "application/octet-stream") == 4
    assert redacted({"client_secret": "x"}) == {"client_secret": "…"}
