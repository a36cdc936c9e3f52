"""What the doctor says: the best cause of all, the lines that tell it, nothing secret, and never an exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorewright.diagnosis import Diagnosis, Evidence, diagnose, redact
from scorewright.diagnosis.examination import HEAD, LINE, LINES, TAIL

CRASH = Evidence("operation", '{"code": "CrashLoopBackOff", "message": "Your container application crashed."}')
MISSING = "ModuleNotFoundError: No module named 'mylib'"
CUDA = "OSError: libcublas.so.12: cannot open shared object file: No such file or directory"


def test_the_container_log_tells_more_than_the_crash_loop() -> None:
    found = diagnose([CRASH, Evidence("container log", f"Traceback (most recent call last):\n{MISSING}")])
    assert (found.code, found.source, found.quote) == ("SW2202", "container log", (MISSING,))


def test_the_order_of_texts_does_not_make_a_symptom_the_cause() -> None:
    assert diagnose([Evidence("container log", MISSING), CRASH]).code == "SW2202"


def test_an_exact_cause_wins_over_a_general_one_in_the_same_log() -> None:
    assert diagnose([Evidence("container log", f"{CUDA}\n{MISSING}")]).code == "SW2221"


def test_of_two_equal_causes_the_later_line_is_told() -> None:
    other = "TypeError: Object of type ndarray is not JSON serializable"
    assert diagnose([Evidence("container log", f"{MISSING}\n{other}")]).code == "SW2217"
    assert diagnose([Evidence("container log", f"{other}\n{MISSING}")]).code == "SW2202"


def test_a_fallback_to_the_cpu_does_not_hide_what_ended_the_service() -> None:
    log = f"Could not load dynamic library 'libcudart.so.11.0'\n{MISSING}"
    assert diagnose([Evidence("container log", log)]).code == "SW2202"


def test_values_of_the_text_stand_in_cause_and_steps() -> None:
    found = diagnose([Evidence("container log", CUDA)])
    assert found.cause.startswith("libcublas.so.12 is not in the container")
    assert "nvidia-cublas-cu12" in found.steps[0]


def test_the_most_telling_pattern_of_a_rule_is_told_wherever_it_stands() -> None:
    told = "The client 'x' does not have authorization to perform action 'Microsoft.Web/read' over scope '/a'"
    found = diagnose([Evidence("service", f"{told}\nCode: AuthorizationFailed")])
    assert found.cause == "The account that signed in may not do Microsoft.Web/read on /a."
    assert found.quote == (told,)


def test_an_unknown_failure_quotes_its_last_exception_and_errors() -> None:
    log = "Booting worker\nFATAL: first trouble\nline\nmymodel.OddError: the moon is wrong\nbye"
    found = diagnose([Evidence("container log", log)])
    assert found.code is None
    assert not found.known
    assert found.quote == ("FATAL: first trouble", "mymodel.OddError: the moon is wrong")
    assert found.source == "container log"


def test_an_unknown_failure_quotes_the_text_that_speaks_of_trouble() -> None:
    found = diagnose([Evidence("service", "Error: it broke"), Evidence("container log", "all is well\nready")])
    assert (found.source, found.quote) == ("service", ("Error: it broke",))


def test_without_any_word_of_trouble_the_last_lines_are_quoted() -> None:
    assert diagnose([Evidence("container log", "one\ntwo\nthree\nfour")]).quote == ("two", "three", "four")


@pytest.mark.parametrize("evidence", [[], [Evidence("service", "")], [Evidence("service", " \n\n")]])
def test_without_a_text_nothing_is_claimed(evidence: list[Evidence]) -> None:
    found = diagnose(evidence)
    assert (found.code, found.quote, found.source, found.quoted()) == (None, (), None, "")


def test_the_error_has_the_cause_the_quote_and_the_steps() -> None:
    error = diagnose([Evidence("container log", MISSING)]).error("Service mnist did not start.", otherwise="SW2101")
    assert (error.code, error.summary) == ("SW2202", "Service mnist did not start.")
    assert error.cause is not None
    assert error.cause.endswith(f"The container log says:\n  {MISSING}")
    assert "mylib" in error.steps[0]


def test_the_error_of_an_unknown_cause_has_the_callers_code() -> None:
    assert diagnose([Evidence("service", "Error: odd")]).error("It failed.", otherwise="SW2101").code == "SW2101"


def test_a_diagnosis_is_plain_data() -> None:
    found = diagnose([Evidence("container log", MISSING)])
    assert json.loads(json.dumps(found.to_dict()))["quote"] == [MISSING]


def test_colours_stamps_and_escapes_do_not_hide_a_cause() -> None:
    line = f"2024-07-16T10:00:00.123456Z \x1b[91m{MISSING}\x1b[0m"
    assert diagnose([Evidence("build log", line)]).quote == (MISSING,)
    escaped = '{"message": "Traceback:\\\\nModuleNotFoundError: No module named \\\\\'mylib\\\\\'\\\\nexit"}'
    found = diagnose([Evidence("service", escaped)])
    assert (found.code, found.quote) == ("SW2202", (MISSING,))


def test_a_rule_that_names_sources_looks_at_no_other() -> None:
    text = "Solving environment: ...working... "
    assert diagnose([Evidence("build log", text)]).code == "SW2285"
    assert diagnose([Evidence("container log", text)]).code is None


def test_all_that_a_rule_asks_for_must_be_there() -> None:
    frame, error = 'File "/var/azureml-server/aml_blueprint.py", line 29', "ModuleNotFoundError: No module named 'main'"
    assert diagnose([Evidence("container log", f"{frame}\n{error}")]).quote == (frame, error)
    assert diagnose([Evidence("container log", error)]).code == "SW2202"


def test_of_two_lines_of_one_cause_the_last_is_told() -> None:
    found = diagnose([Evidence("container log", f"ModuleNotFoundError: No module named 'optional'\nworks\n{MISSING}")])
    assert found.quote == (MISSING,)


SECRETS = [
    "Authorization: Bearer abcdef0123456789SECRET",
    "https://acct.blob.core.windows.net/c/f?sv=2018-03-28&sig=SECRETsignature%3D&se=2019",
    "eyJhbGciOiJSUzI1NiIsSECRET.eyJzdWIiOiIxMjM0SECRET.c2lnbmF0dXJlSECRET",
    "git clone https://user:SECRETtoken@github.com/a/b.git",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=SECRETkey==;EndpointSuffix=core.windows.net",
    '{"primaryKey": "SECRETkey", "secondaryKey": "SECRETkey"}',
    "AZUREML_SERVICE_PRINCIPAL_PASSWORD=SECRETpassword",
    'client_secret: "SECRETvalue"',
    '"token": "SECRET token of words"',
    "SECRET" + "A" * 80 + "==",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_beside_the_cause_is_never_shown(secret: str) -> None:
    for text in (f"{MISSING} {secret}", f"{secret} {MISSING}", f"Error: odd {secret}", secret):
        assert "SECRET" not in json.dumps(diagnose([Evidence("container log", text)]).to_dict())


@pytest.mark.parametrize(
    "text",
    ["failed to fetch oauth token: unexpected status", "password authentication failed", "index.html?page=2&sort=up"],
)
def test_words_about_secrets_stay(text: str) -> None:
    assert redact(text) == text


def test_a_long_line_is_cut_around_what_tells_the_cause() -> None:
    found = diagnose([Evidence("service", f"{'a ' * 5000}{CUDA}{' b' * 5000}")])
    assert len(found.quote[0]) <= LINE
    assert CUDA.split(":")[1] in found.quote[0]


def test_a_huge_log_is_read_at_both_ends() -> None:
    filler = "all is well\n" * ((HEAD + TAIL) // 6)
    assert diagnose([Evidence("container log", f"{MISSING}\n{filler}")]).code == "SW2202"
    assert diagnose([Evidence("container log", f"{filler}{MISSING}")]).code == "SW2202"


PIECES = st.sampled_from(
    ["'", '"', "\\", "\\n", "\n", " ", "(", "{", "…", "\x1b[0m", "No module named ", "Error: ", "lib"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=40), PIECES), max_size=40).map("".join))
def test_no_text_makes_it_raise(text: str) -> None:
    found = diagnose([Evidence("service", text), Evidence("container log", text[::-1])])
    assert isinstance(found, Diagnosis)
    assert len(found.quote) <= LINES
    assert all(0 < len(line) <= LINE for line in found.quote)


@pytest.mark.parametrize(
    "piece", ["a", " ", "\\", "'", "lib", "No module named '", "1 Insufficient ", "eyJ.", "host='a' "]
)
def test_a_hostile_text_of_the_largest_size_is_read(piece: str) -> None:
    found = diagnose([Evidence("container log", piece * (400_000 // len(piece)))])
    assert sum(map(len, found.quote)) <= LINES * LINE
