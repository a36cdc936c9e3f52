"""The verbs, run against an installed plugin with a target of its own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.core.cli.conftest import Invoke


@pytest.fixture
def deployed(project: Path, scorewright: Invoke) -> Path:
    """The project with both services up."""
    assert scorewright("up", "--yes").code == 0
    return project


def test_check_says_ok_and_exits_with_0(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("check")
    assert (seen.code, seen.err) == (0, "")
    assert seen.out.splitlines()[-1].startswith("ok: ")


def test_check_refuses_with_every_finding_and_exits_with_2(project: Path, scorewright: Invoke) -> None:
    (project / "one.fake").unlink()
    seen = scorewright("check", "-o", "json")
    assert seen.code == 2
    report = seen.json()
    assert report["ok"] is False
    assert {finding["path"].split(".")[1] for finding in report["findings"] if finding["level"] == "error"} == {
        "one",
        "two",
    }


def test_a_faulty_file_is_refused_with_every_fault_and_its_place(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("check", "--set", "services.one.timeout_ms=0", "--set", "services.two.auth=maybe", "-o", "json")
    assert seen.code == 2
    assert len(seen.json()["error"]["findings"]) == 2


def test_plan_shows_what_would_be_done_and_does_nothing(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("plan")
    assert seen.code == 0
    assert "service/one" in seen.out
    assert not (project / "state.json").exists()


def test_plan_tells_by_its_exit_code_whether_something_would_change(project: Path, scorewright: Invoke) -> None:
    assert scorewright("plan", "--detailed-exitcode").code == 2
    scorewright("up", "--yes")
    assert scorewright("plan", "--detailed-exitcode").code == 0


def test_plan_as_json_has_steps_and_findings(project: Path, scorewright: Invoke) -> None:
    plan = scorewright("plan", "-o", "json").json()
    assert [(step["action"], step["address"]) for step in plan["steps"]] == [
        ("create", "service/one"),
        ("create", "service/two"),
    ]
    assert isinstance(plan["findings"], list)


def test_up_deploys_and_says_where_and_how_to_call(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("up", "--yes")
    assert seen.code == 0
    assert re.search(r"^one  http://127.0.0.1:\d+/score$", seen.out, re.MULTILINE)
    assert "$(scorewright keys one --only primary -t shelf)" in seen.out
    assert "--data-binary @sample.json" in seen.out
    assert "secret" not in seen.out + seen.err
    assert "service/one: shelve: putting it there" in seen.err


def test_up_without_a_terminal_and_without_yes_changes_nothing(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("up")
    assert seen.code == 2
    assert "SW1902" in seen.err
    assert "--yes" in seen.err
    assert not (project / "state.json").exists()


def test_what_a_failure_proposes_leads_to_the_same_file(project: Path, scorewright: Invoke) -> None:
    (project / "deploy.yaml").rename(project / "my file.yaml")
    assert "scorewright plan -f 'my file.yaml' -t shelf\n" in scorewright("up", "-f", "my file.yaml").err


def test_what_a_failure_proposes_is_for_the_same_services_and_settings(project: Path, scorewright: Invoke) -> None:
    chosen = ["--set", "services.one.env.BREAK=yes", "--service", "one"]
    seen = scorewright("up", "--yes", *chosen)
    assert f"then go on with: scorewright up -t shelf {' '.join(chosen)}\n" in seen.err


def test_up_as_json_is_one_document_and_the_rest_is_on_stderr(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("up", "--yes", "-o", "json")
    assert set(seen.json()["services"]) == {"one", "two"}
    assert "Plan for shelf" in seen.err


def test_up_with_quiet_says_nothing(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("up", "--yes", "--quiet")
    assert (seen.code, seen.out, seen.err) == (0, "", "")


def test_up_of_one_service_leaves_the_other_alone(project: Path, scorewright: Invoke) -> None:
    scorewright("up", "--yes", "--service", "two")
    assert list(json.loads((project / "state.json").read_text())) == ["two"]


def test_up_with_nothing_to_do_does_not_ask(deployed: Path, scorewright: Invoke) -> None:
    assert scorewright("up").code == 0


def test_a_failed_step_is_told_with_its_cause_and_exits_with_1(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("up", "--yes", "--set", "services.one.env.BREAK=yes", "-o", "json")
    assert seen.code == 1
    error = seen.json()["error"]
    assert (error["code"], error["cause"]) == ("SW2001", "it was told to break")


def test_events_are_written_line_by_line_without_a_secret(project: Path, scorewright: Invoke) -> None:
    scorewright("up", "--yes", "--events", "events.jsonl")
    lines = (project / "events.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds[0] == "plan"
    assert kinds[-1] == "run.finished"
    assert kinds.count("step.finished") == 2
    assert "secret" not in "\n".join(lines)


def test_events_to_a_folder_are_refused_before_anything_is_done(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("up", "--yes", "--events", str(project))
    assert seen.code == 2
    assert not (project / "state.json").exists()


def test_status_shows_what_runs_and_what_does_not(project: Path, scorewright: Invoke) -> None:
    scorewright("up", "--yes", "--service", "one")
    services = scorewright("status", "-o", "json").json()["services"]
    assert services["one"]["state"] == "healthy"
    assert services["one"]["device"] == "cpu"
    assert services["two"]["state"] == "absent"
    lines = scorewright("status").out.splitlines()
    assert lines[0].split() == ["SERVICE", "STATE", "VERSION", "REPLICAS", "DEVICE", "SCORING", "URI"]
    assert lines[2].split()[:2] == ["two", "absent"]


@pytest.mark.parametrize(
    ("args", "stdin", "kind", "size"),
    [
        ([], b"", "application/json", 18),
        (["--json", "[1]"], b"", "application/json", 3),
        (["--data", "body.npy"], b"", "application/x-npy", 8),
        (["--data", "-"], b"PK\x03\x04rest", "application/x-npz", 8),
        (["--image", "body.png"], b"", "image/png", 8),
        (["--data", "body.png", "--content-type", "image/webp"], b"", "image/webp", 8),
    ],
)
def test_score_sends_what_it_is_given_with_the_key_and_its_kind(
    deployed: Path, scorewright: Invoke, args: list[str], stdin: bytes, kind: str, size: int
) -> None:
    (deployed / "body.npy").write_bytes(b"\x93NUMPY..")
    (deployed / "body.png").write_bytes(b"\x89PNG....")
    seen = scorewright("score", "one", *args, stdin=stdin)
    assert seen.err == ""
    assert seen.json() == {"type": kind, "key": "Bearer first-secret", "size": size}


@pytest.mark.parametrize("verb", ["score", "logs", "keys"])
def test_a_service_that_was_left_out_is_not_meant(deployed: Path, scorewright: Invoke, verb: str) -> None:
    seen = scorewright(verb, "one", "--service", "two")
    assert seen.code == 2
    assert "SW1908: --service leaves out one" in seen.err


@pytest.mark.parametrize("rate", ["-5", "0"])
def test_a_rate_is_more_than_nothing(project: Path, scorewright: Invoke, rate: str) -> None:
    seen = scorewright("plan", "--rate", rate)
    assert seen.code == 2
    assert "SW1901" in seen.err


def test_score_with_v_tells_device_and_model_and_no_key(deployed: Path, scorewright: Invoke) -> None:
    assert scorewright("score", "one", "-v").err.splitlines() == [
        "x-scorewright-device: cpu",
        "x-scorewright-model: one:1",
    ]


def test_score_refuses_an_image_of_another_kind(deployed: Path, scorewright: Invoke) -> None:
    (deployed / "a.gif").write_bytes(b"GIF89a")
    seen = scorewright("score", "one", "--image", "a.gif")
    assert seen.code == 2
    assert "neither a PNG nor a JPEG" in seen.err


def test_score_as_json_wraps_the_answer(deployed: Path, scorewright: Invoke) -> None:
    seen = scorewright("score", "one", "-o", "json").json()
    assert (seen["service"], seen["status"], seen["headers"]["x-scorewright-device"]) == ("one", 200, "cpu")
    assert seen["answer"]["size"] == 18


def test_score_says_what_the_service_says_of_a_bad_body(deployed: Path, scorewright: Invoke) -> None:
    seen = scorewright("score", "one", "--json", '"teapot"')
    assert seen.code == 1
    assert "wrong_shape: x: expected [any, 2]" in seen.err
    assert seen.out == ""


def test_score_without_a_body_and_without_a_sample_says_what_to_give(deployed: Path, scorewright: Invoke) -> None:
    seen = scorewright("score", "two")
    assert seen.code == 2
    assert "SW1909" in seen.err


def test_score_takes_one_body_only(deployed: Path, scorewright: Invoke) -> None:
    assert scorewright("score", "one", "--json", "1", "--data", "x").code == 2


def test_a_service_must_be_named_where_the_file_has_several(deployed: Path, scorewright: Invoke) -> None:
    seen = scorewright("keys")
    assert seen.code == 2
    assert "one, two" in seen.err


def test_a_misspelt_service_gets_the_nearest(deployed: Path, scorewright: Invoke) -> None:
    assert "did you mean 'two'?" in scorewright("status", "--service", "twoo").err


def test_keys_shows_both_or_just_one(deployed: Path, scorewright: Invoke) -> None:
    assert scorewright("keys", "one").out.split() == ["primary", "first-secret", "secondary", "second-secret"]
    assert scorewright("keys", "one", "--only", "secondary").out == "second-secret\n"


def test_keys_are_replaced_only_with_consent(deployed: Path, scorewright: Invoke) -> None:
    refused = scorewright("keys", "one", "--regenerate", "primary")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert "scorewright plan" not in refused.err  # which would show nothing of it
    seen = scorewright("keys", "one", "--regenerate", "primary", "--yes", "-o", "json").json()
    assert seen == {"service": "one", "primary": "new-secret", "secondary": "second-secret"}


@pytest.mark.parametrize(
    "args", [["one", "-f"], ["-f", "one"], ["one", "--follow"], ["one", "-f", "-f", "deploy.yaml"]]
)
def test_logs_follow_with_f(deployed: Path, scorewright: Invoke, args: list[str]) -> None:
    assert scorewright("logs", *args).out.splitlines() == ["one", "two", "three, later"]


@pytest.mark.parametrize("args", [["one"], ["one", "-f", "./deploy.yaml"], ["--file", "deploy.yaml", "one"]])
def test_logs_do_not_follow_where_f_names_a_file(deployed: Path, scorewright: Invoke, args: list[str]) -> None:
    assert scorewright("logs", *args).out.splitlines() == ["one", "two"]


def test_ctrl_c_is_how_following_ends(deployed: Path, scorewright: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CTRL_C", "1")
    seen = scorewright("logs", "one", "-f")
    assert (seen.code, seen.err) == (130, "")
    assert seen.out.splitlines()[-1] == "three, later"


def test_logs_that_are_followed_cannot_be_json(deployed: Path, scorewright: Invoke) -> None:
    assert scorewright("logs", "one", "-f", "-o", "json").code == 2


def test_logs_as_json_are_one_document(deployed: Path, scorewright: Invoke) -> None:
    assert scorewright("logs", "one", "-o", "json").json() == {"service": "one", "lines": ["one", "two"]}


def test_rollback_says_what_runs_now(deployed: Path, scorewright: Invoke) -> None:
    assert scorewright("rollback", "one").code == 2
    assert scorewright("rollback", "one", "--yes").out == "one is back at v1\n"


def test_down_deletes_and_lists_what_is_left(deployed: Path, scorewright: Invoke) -> None:
    assert scorewright("down").code == 2
    seen = scorewright("down", "--yes")
    assert seen.out == "left: the shelf itself\n"
    assert json.loads((deployed / "state.json").read_text()) == {}


def test_down_of_one_service_leaves_the_other(deployed: Path, scorewright: Invoke) -> None:
    scorewright("down", "--yes", "--service", "one")
    assert list(json.loads((deployed / "state.json").read_text())) == ["two"]


@pytest.mark.parametrize("outputs", [["-o", "out"], ["-o", "out", "-o", "json"]])
def test_render_writes_a_folder_per_service(project: Path, scorewright: Invoke, outputs: list[str]) -> None:
    seen = scorewright("render", *outputs)
    assert seen.code == 0
    assert (project / "out" / "one" / "score.py").exists()
    assert (project / "out" / "two" / "manifest.json").exists()
    if "json" in outputs:
        assert [bundle["service"] for bundle in seen.json()["bundles"]] == ["one", "two"]


def test_init_writes_a_file_that_check_takes(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("init", "one.fake", "-f", "new.yaml")
    assert (seen.code, seen.out) == (0, "wrote new.yaml\n")
    assert seen.err == "next: scorewright check -f new.yaml -t shelf && scorewright up -f new.yaml -t shelf\n"
    assert scorewright("check", "-f", "new.yaml").code == 0
    schema = (project / "new.yaml").read_text().splitlines()[0].partition("$schema=")[2]
    assert "services" in json.loads((project / schema).read_text())["properties"]


def test_init_renews_its_own_schema_and_no_other(project: Path, scorewright: Invoke) -> None:
    schema = project / "deploy.schema.json"
    schema.write_text('{"$id": "urn:somebody:else"}')
    scorewright("init", "one.fake", "-f", "new.yaml")
    assert schema.read_text() == '{"$id": "urn:somebody:else"}'
    schema.write_text('{"$id": "urn:scorewright:deploy:1"}')
    scorewright("init", "one.fake", "-f", "new.yaml", "--yes")
    assert "properties" in schema.read_text()


def test_init_writes_to_standard_output_where_that_is_the_file(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("init", "one.fake", "-f", "-")
    assert "path: one.fake" in seen.out
    assert seen.err == ""


def test_init_does_not_overwrite_without_consent(project: Path, scorewright: Invoke) -> None:
    before = (project / "deploy.yaml").read_text()
    assert scorewright("init", "one.fake").code == 2
    assert (project / "deploy.yaml").read_text() == before
    assert scorewright("init", "one.fake", "--yes").code == 0


def test_plugins_lists_records_with_their_distribution(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("plugins", "-o", "json").json()
    assert [(row["kind"], row["name"], row["distribution"]) for row in seen["plugins"]] == [
        ("framework", "fake", "fake 1.0"),
        ("target", "shelf", "fake 1.0"),
    ]
    assert "local" in seen["disabled"]
    assert "A JSON file." in scorewright("plugins").out


def test_schema_is_json_whatever_is_asked_for(scorewright: Invoke) -> None:
    assert scorewright("schema").json() == scorewright("schema", "-o", "json").json()


def test_explain_shows_a_page_and_lists_all(scorewright: Invoke) -> None:
    assert scorewright("explain", "sw1902").out.startswith("# SW1902: ")
    assert "SW1902  consent is needed" in scorewright("explain").out
    assert scorewright("explain", "1902", "-o", "json").json()["code"] == "SW1902"
    assert scorewright("explain", "SW9999").code == 2


def test_the_deploy_file_can_be_named_in_the_environment(
    project: Path, scorewright: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "deploy.yaml").rename(project / "other.yaml")
    assert scorewright("plan").code == 2
    monkeypatch.setenv("SCOREWRIGHT_FILE", "other.yaml")
    assert scorewright("plan").code == 0


def test_several_files_are_merged(project: Path, scorewright: Invoke) -> None:
    (project / "prod.yaml").write_text("services: {one: {timeout_ms: 77}}\n")
    scorewright("up", "--yes", "-f", "deploy.yaml", "-f", "prod.yaml")
    assert json.loads((project / "state.json").read_text())["one"] == {"timeout_ms": 77}


def test_keys_shows_the_token_that_callers_send(deployed: Path, scorewright: Invoke) -> None:
    shown = scorewright("keys", "one", "--token").out
    assert shown.strip()
    assert "Bearer" not in shown


def test_up_says_how_to_call_with_a_token(project: Path, scorewright: Invoke) -> None:
    seen = scorewright("up", "--yes", "--set", "services.one.auth=token")
    assert "$(scorewright keys one --token -t shelf)" in seen.out
