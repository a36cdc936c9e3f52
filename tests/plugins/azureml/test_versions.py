"""New versions that fail, rollback, keys, tokens and logs, with the services' real containers."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.plugins.azureml.conftest import EXAMPLE, ONNX

from scorewright.errors import ApplyError, CheckError, DeploymentError, ScorewrightError
from scorewright.plan import Action
from scorewright_azureml import access
from scorewright_rehearse.faults import Drop, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.plugins.azureml.conftest import Azure

    from scorewright.spec.models import Spec

SAMPLE = (EXAMPLE / "sample.json").read_bytes()
JSON = {"Content-Type": "application/json"}


class Callers:
    """Send a request after another, in a thread, and note every answer that is not the first one."""

    def __init__(self, uri: str, key: str) -> None:
        self._client = httpx.Client(headers={"Authorization": f"Bearer {key}", **JSON}, timeout=30)
        self._uri = uri
        self.right = self._ask()
        assert self.right[0] == 200
        self.answers = 0
        self.wrong: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _ask(self) -> tuple[int, str]:
        answer = self._client.post(self._uri, content=SAMPLE)
        return answer.status_code, answer.text

    def _run(self) -> None:
        while not self._over.wait(0.01):
            try:
                answer = self._ask()
            except httpx.HTTPError as error:
                self.wrong.append(repr(error))
                continue
            self.answers += 1
            if answer != self.right:
                self.wrong.append(str(answer)[:300])

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()


@pytest.fixture(scope="module")
def azure(running: Callable[[], Azure]) -> Azure:
    return running()


@pytest.fixture(scope="module")
def first(azure: Azure) -> Spec:
    """The first version, which is up and healthy."""
    spec = azure.spec()
    azure.up(spec)
    return spec


@pytest.fixture
def callers(azure: Azure, first: Spec) -> Iterator[Callers]:
    found = azure.run.endpoint(first, "digits")
    calling = Callers(found.scoring_uri, azure.run.keys(first, "digits").primary)
    yield calling
    calling.stop()


def handler(azure: Azure, source: str, more: str = "") -> Spec:
    """The service with a handler, and the expected answer of the version without one."""
    (azure.file.parent / "handler.py").write_text(source)
    services = ONNX.replace("sample.json}", f"sample.json, expect: {EXAMPLE}/expect.json}}") if more else ONNX
    return azure.spec(f"{services}    handler: handler.py\n")


SAME = "def postprocess(outputs):\n    return outputs\n"
FAILING = {
    "a handler that raises": ("def postprocess(outputs):\n    raise LookupError('no such label')\n", "no such label"),
    "another answer than expected": (
        "def postprocess(outputs):\n    return {name: value + 1 for name, value in outputs.items()}\n",
        "golden request",
    ),
    "an answer of another shape": (
        "def postprocess(outputs):\n    return {name: value[:, :3] for name, value in outputs.items()}\n",
        "golden request",
    ),
    "an init() that crashes": (SAME + "raise RuntimeError('the weights are torn')\n", "the weights are torn"),
    "a module that is missing": (SAME + "import frobnicate_not_there\n", "frobnicate_not_there"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_new_version_that_fails_is_noticed_by_no_caller(azure: Azure, callers: Callers, name: str) -> None:
    source, told = FAILING[name]
    before = azure.service()
    spec = handler(azure, source, more="expect" if "answer" in name else "")
    with pytest.raises(ApplyError) as caught:
        azure.up(spec)
    assert told in json.dumps(caught.value.to_dict())
    callers.stop()
    assert callers.answers > 0
    assert callers.wrong == []
    assert list(azure.emulator.world.services) == ["digits"]
    assert azure.service() == before


def test_outputs_that_the_model_does_not_have_are_refused_before_anything_is_asked(azure: Azure, first: Spec) -> None:
    azure.emulator.requests.clear()
    with pytest.raises(CheckError, match="nothing_like_it"):
        azure.up(azure.spec(ONNX + "    outputs: [nothing_like_it]\n"))
    assert azure.emulator.requests.writes() == []


def test_without_a_candidate_the_version_before_is_put_back(azure: Azure, callers: Callers) -> None:
    services = ONNX + "    handler: handler.py\n    azureml: {candidate: false}\n"
    (azure.file.parent / "handler.py").write_text(SAME + "raise RuntimeError('the weights are torn')\n")
    marks = azure.service()["kvTags"]
    with pytest.raises(ApplyError, match="did not come up"):
        azure.up(azure.spec(services))
    callers.stop()
    assert callers.wrong == []
    assert azure.service()["kvTags"] == marks
    assert azure.emulator.world.services["digits"].state == "Healthy"


def test_a_new_version_that_works_lets_no_request_fail(azure: Azure, callers: Callers) -> None:
    spec = handler(azure, SAME)
    azure.up(spec)
    callers.stop()
    assert callers.wrong == []
    assert {step.action for step in azure.run.plan(spec).steps} == {Action.KEEP}


def test_rollback_goes_back_and_forth(azure: Azure, first: Spec) -> None:
    azure.up(first)
    second = azure.spec(ONNX + "    output: argmax\n")
    azure.up(second)
    client = azure.run.client(second, "digits")
    payload = json.loads(SAMPLE)
    argmax = client.score(payload)
    azure.run.rollback(first, "digits")
    raw = client.score(payload)
    assert raw != argmax
    assert azure.run.plan(second).changed
    assert not azure.run.plan(first).changed
    azure.run.rollback(second, "digits")
    assert client.score(payload) == argmax
    assert not azure.run.plan(second).changed


def test_a_rollback_that_fails_leaves_what_runs(azure: Azure, first: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    azure.up(first)
    azure.up(azure.spec(ONNX + "    output: argmax\n"))
    before = azure.service()["kvTags"]
    azure.emulator.fault("init-crash")
    with pytest.raises(ScorewrightError):
        azure.run.rollback(first, "digits")
    azure.emulator.calm()
    assert azure.service()["kvTags"] == before
    azure.up(first)


def test_a_key_is_renewed_while_the_other_one_opens(azure: Azure, first: Spec) -> None:
    azure.up(first)
    uri = azure.run.endpoint(first, "digits").scoring_uri
    old = azure.run.keys(first, "digits")
    new = azure.run.regenerate_key(first, "digits", "primary")
    assert new.secondary == old.secondary
    opened = [
        httpx.get(uri, headers={"Authorization": f"Bearer {key}"}).status_code
        for key in (old.primary, new.primary, new.secondary)
    ]
    assert opened[0] == 401
    assert 401 not in opened[1:]


def test_no_key_is_changed_where_the_other_one_cannot_be_proven(
    azure: Azure, first: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.up(first)
    before = azure.run.keys(first, "digits")
    monkeypatch.setattr(access, "_PROOF_SECONDS", 0.1)
    azure.emulator.rules.add(Rule(Drop(), "scoring.score", times=100))
    with pytest.raises(DeploymentError) as caught:
        azure.run.regenerate_key(first, "digits", "primary")
    azure.emulator.calm()
    assert caught.value.code == "SW2124"
    assert azure.run.keys(first, "digits") == before


def test_the_log_is_shown_and_followed(azure: Azure, first: Spec) -> None:
    azure.up(first)
    assert any("init" in line.lower() for line in azure.run.logs(first, "digits"))
    followed = azure.run.logs(first, "digits", follow=True)
    seen = [next(followed) for _ in range(3)]
    azure.run.client(first, "digits").score(json.loads(SAMPLE))
    for line in followed:
        seen.append(line)
        if "score" in line:
            break
    assert len(seen) > 3


def test_a_service_with_tokens_answers_to_tokens_and_has_no_keys(azure: Azure, first: Spec) -> None:
    azure.up(first)
    spec = azure.spec(ONNX + "    auth: token\n")
    azure.up(spec)
    assert azure.run.client(spec, "digits").score(json.loads(SAMPLE))
    with pytest.raises(DeploymentError) as caught:
        azure.run.keys(spec, "digits")
    assert caught.value.code == "SW2123"
    azure.up(azure.spec(ONNX + "    auth: none\n"))
    uri = azure.run.endpoint(spec, "digits").scoring_uri
    assert httpx.post(uri, content=SAMPLE, headers=JSON).status_code == 200


def test_what_was_put_back_still_counts_as_proven(azure: Azure, first: Spec) -> None:
    azure.up(first)
    services = ONNX + "    handler: handler.py\n    azureml: {candidate: false}\n"
    (azure.file.parent / "handler.py").write_text(SAME + "raise RuntimeError('the weights are torn')\n")
    with pytest.raises(ApplyError):
        azure.up(azure.spec(services))
    (azure.file.parent / "handler.py").write_text(SAME)
    repaired = azure.spec(services)
    azure.up(repaired)
    assert azure.run.rollback(repaired, "digits").state == "healthy"
    assert not azure.run.plan(first).changed
