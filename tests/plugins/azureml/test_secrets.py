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
from scorewright_azureml import connection
from scorewright_azureml.sdk import SdkError
from scorewright_azureml.sdk.errors import translate
from scorewright_rehearse import catalogue
from scorewright_rehearse.faults import Rule, answer
from scorewright_rehearse.plane import CLIENT_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.plugins.azureml.conftest import Azure

    from scorewright_rehearse import Emulator

ENV_SECRET = "env-s3cr3t-of-the-service"
SERVICE = f"{ONNX}    env: {{DATABASE: '{ENV_SECRET}'}}\n"
FAULTS = [fault.name for fault in catalogue.FAULTS if fault.name not in {"silent", "slow"}]


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
SIGNED = re.compile(r"[?&]sig=[^&\s\"'(]+")


def leaks(text: str, known: set[str]) -> list[str]:
    """The secrets that stand in a text."""
    return [secret for secret in known if secret in text] + JWT.findall(text) + SIGNED.findall(text)


@pytest.fixture
def command(azure: Azure) -> Callable[..., str]:
    """Runs the command in a process of its own and gives all that it wrote anywhere."""

    def run(*arguments: str, code: int = 0) -> str:
        events = azure.file.parent / "events.jsonl"
        events.unlink(missing_ok=True)
        where = ["-t", "azureml", "--file", str(azure.file)]
        done = subprocess.run(
            [sys.executable, "-m", "scorewright", *arguments, *where, "--events", str(events)],
            env=azure.emulator.child_environment(fast=True),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr + (events.read_text() if events.exists() else "")

    return run


def test_a_whole_run_shows_no_secret(azure: Azure, command: Callable[..., str], tmp_path: Path) -> None:
    azure.spec(SERVICE)
    told = command("check") + command("plan", "-o", "json") + command("up", "--yes", "-v")
    known = secrets(azure.emulator)
    azure.spec(SERVICE + "    output: argmax\n")
    azure.emulator.fault("init-crash")
    told += command("up", "--yes", "-v", code=1)
    azure.emulator.calm()
    told += command("up", "--yes", "-o", "json", "-v")
    for arguments in (
        ["status", "-o", "json", "-v"],
        ["logs", "digits", "-v"],
        ["score", "digits", "--data", str(EXAMPLE / "sample.json"), "-v"],
        ["rollback", "digits", "--yes", "-v"],
    ):
        told += command(*arguments)
    assert azure.emulator.world.services["digits"].primary in command("keys", "digits")
    command("keys", "digits", "--regenerate", "primary", "--yes")
    assert azure.emulator.world.services["digits"].primary in command("keys", "digits", "--token")  # what callers send
    known |= secrets(azure.emulator)
    assert len(known) > 8
    told += command("keys", "digits", "--regenerate", "secondary", "-v", code=2)  # nobody consents
    told += command("down", "--cluster", "--yes", "-o", "json", "-v")
    assert azure.emulator.world.services == {}
    assert leaks(told, known) == []


@pytest.mark.parametrize("more", [[], ["--fault", "init-crash", "-o", "json"]])
def test_a_rehearsal_shows_no_secret(azure: Azure, command: Callable[..., str], more: list[str]) -> None:
    azure.spec(SERVICE)
    told = command("rehearse", "-v", *more)
    assert "services.create" in told
    assert leaks(told, {CLIENT_SECRET, ENV_SECRET}) == []


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
    if fault in {"login-refused", "workspace-gone"}:
        connection.close()  # only processes that start meet these
    azure.emulator.fault(fault)
    told = []
    try:
        plan = azure.run.plan(spec)
        told += [repr(plan), str(plan), json.dumps(plan.to_dict())]
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
