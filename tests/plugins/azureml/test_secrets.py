"""Nothing that opens a door is shown: not in output, events, logs, exceptions or reprs, whatever goes wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING

import pytest
from tests.plugins.azureml.conftest import EXAMPLE, ONNX

from scorewright.errors import ScorewrightError
from scorewright_azureml.sdk import SdkError
from scorewright_azureml.sdk.errors import translate
from scorewright_rehearse.faults import Rule, answer
from scorewright_rehearse.plane import CLIENT_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.plugins.azureml.conftest import Azure

    from scorewright_rehearse import Emulator

ENV_SECRET = "env-s3cr3t-of-the-service"
SERVICE = f"{ONNX}    env: {{DATABASE: '{ENV_SECRET}'}}\n"
FAULTS = ("init-crash", "forbidden", "name-taken", "login-refused")


def secrets(emulator: Emulator) -> set[str]:
    """Everything that the emulator handed out: keys, tokens, signatures; and what it was given."""
    world = emulator.world
    found = {CLIENT_SECRET, ENV_SECRET}
    for service in world.services.values():
        found |= {service.primary, service.secondary, *service.tokens}
    for request in emulator.requests.all():
        found |= {value for key, value in request.query.items() if key == "sig"}
    return {secret for secret in found if secret}


JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}")


def leaks(text: str, known: set[str]) -> list[str]:
    """The secrets that stand in a text."""
    return [secret for secret in known if secret in text] + JWT.findall(text)


@pytest.fixture
def command(azure: Azure) -> Callable[..., str]:
    """Runs the command in a process of its own and gives all that it wrote anywhere."""

    def run(*arguments: str) -> str:
        events = azure.file.parent / "events.jsonl"
        events.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "scorewright", *arguments, "-t", "azureml", "--file", str(azure.file)]
            + (["--events", str(events)] if arguments[0] in {"up", "down"} else []),
            env=azure.emulator.child_environment(fast=True),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr + (events.read_text() if events.exists() else "")

    return run


def test_a_whole_run_shows_no_secret(azure: Azure, command: Callable[..., str], tmp_path: Path) -> None:
    azure.spec(SERVICE)
    told = command("up", "--yes", "-v")
    world = azure.emulator.world
    assert list(world.services) == ["digits"], told
    for arguments in (
        ["status", "-o", "json"],
        ["logs", "digits"],
        ["score", "digits", "--input", str(EXAMPLE / "sample.json")],
    ):
        told += command(*arguments)
    known = secrets(azure.emulator)
    assert len(known) > 4
    shown = command("keys", "digits")
    assert world.services["digits"].primary in shown
    told += command("down", "--cluster", "--yes", "-o", "json")
    assert azure.emulator.world.services == {}
    assert leaks(told, known) == []


def texts(error: BaseException) -> Iterator[str]:
    """All that an exception may show, its causes included."""
    yield "".join(traceback.format_exception(error))
    seen: BaseException | None = error
    while seen is not None:
        yield repr(seen)
        if isinstance(seen, ScorewrightError):
            yield json.dumps(seen.to_dict())
        seen = seen.__cause__ or seen.__context__


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_shows_no_secret(azure: Azure, fault: str) -> None:
    spec = azure.spec(SERVICE)
    plan = azure.run.plan(spec)
    azure.emulator.fault(fault)
    told = [repr(plan), str(plan), json.dumps(plan.to_dict())]
    try:
        azure.run.apply(plan, on_event=azure.events.append)
    except ScorewrightError as error:
        told += texts(error)
    told += [repr(event) + json.dumps(event.to_dict()) for event in azure.events]
    assert leaks("\n".join(told), secrets(azure.emulator)) == []


def test_what_a_service_repeats_of_our_secrets_is_hidden(azure: Azure) -> None:
    spec = azure.spec(SERVICE)
    azure.up(spec)
    key = azure.emulator.world.services["digits"].primary
    repeated = (
        f"Authorization: Bearer {key} was refused, client_secret={CLIENT_SECRET}, "
        f"see https://somebody:{key}@example.com/x?sv=1&sig={key}"
    )
    azure.emulator.rules.add(Rule(answer(403, message=repeated), "services.update", times=9))
    with pytest.raises(ScorewrightError) as caught:
        azure.up(azure.spec(SERVICE + "    timeout_ms: 4000\n"))
    azure.emulator.calm()
    told = "\n".join([*texts(caught.value), *(repr(event) for event in azure.events)])
    assert "was refused" in told
    assert leaks(told, {key, CLIENT_SECRET}) == []


def test_what_holds_secrets_hides_them_in_its_repr(azure: Azure) -> None:
    spec = azure.spec(SERVICE)
    result = azure.up(spec)
    shown = [result, result["digits"], azure.run.endpoint(spec, "digits"), azure.run.keys(spec, "digits"), spec]
    shown += [azure.run.client(spec, "digits"), azure.run.plan(spec), azure.run.plan(spec).bundles["digits"]]
    assert leaks("\n".join(map(repr, shown)), secrets(azure.emulator)) == []


@pytest.mark.parametrize(
    "text",
    [
        'Response Code: 403\nContent: b\'{"error": {"message": "Bearer SECRETSECRET refused"}}\'',
        "https://user:SECRETSECRET@git.example.com",
        "blob at https://a.blob.core.windows.net/x?sv=1&sig=SECRETSECRET&se=2",
        '{"primaryKey": "SECRETSECRET", "secondaryKey": "SECRETSECRET"}',
        "password=SECRETSECRET",
    ],
)
def test_errors_of_the_sdk_lose_their_secrets(text: str) -> None:
    error = SdkError(**translate(RuntimeError(text)))
    assert "SECRETSECRET" not in repr(error) + str(error) + error.message
