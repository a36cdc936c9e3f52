"""Every request of the corpus is refused with its code, whichever JSON parser is installed."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.runtime.malformed import Malformed, images, malformed
from tests.runtime.support import signature_of

from scorewright_runtime import Request, Service, Signature

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNATURES = {
    "float": signature_of(x=("float32", [None, 4])),
    "whole": signature_of(x=("uint8", [None, 2, 3])),
    "bool": signature_of(x=("bool", [None, 4])),
    "string": signature_of(x=("string", [None, 1])),
    "fixed": signature_of(batch=False, x=("float64", [1, 4])),
    "two": signature_of(ids=("int64", [None, 5]), mask=("float32", [None, 5])),
}
CASES = [(kind, case) for kind, signature in SIGNATURES.items() for case in malformed(signature)]


def error_of(service: Service, case: Malformed) -> tuple[int, dict[str, str]]:
    """Status and error of the reply."""
    reply = service.answer(Request("POST", case.headers, case.body))
    error = json.loads(reply.body)["error"]
    assert set(error) == {"code", "message", "input"}
    return reply.status, error


def test_the_corpus_is_large_enough() -> None:
    for signature in SIGNATURES.values():
        names = [case.name for case in malformed(signature)]
        assert len(names) >= 60
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(("kind", "case"), CASES, ids=[f"{kind}-{case.name}" for kind, case in CASES])
def test_malformed_requests_are_refused_with_their_code(
    kind: str, case: Malformed, start: Callable[..., Service]
) -> None:
    status, error = error_of(start(SIGNATURES[kind]), case)
    assert (status, error["code"]) == (case.status, case.code), error
    assert "Traceback" not in error["message"]


@pytest.mark.parametrize("kind", SIGNATURES)
def test_refusals_do_not_depend_on_the_parser(
    kind: str, start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = [case for case in malformed(SIGNATURES[kind]) if len(case.body) < 1_000_000]
    service = start(SIGNATURES[kind])
    first = [error_of(service, case) for case in corpus]
    for lacking in ("simdjson", "orjson"):
        monkeypatch.setattr(f"scorewright_runtime.accelerate.{lacking}", None)
        service = start(SIGNATURES[kind])
        assert [error_of(service, case) for case in corpus] == first


@pytest.mark.parametrize("case", images(), ids=lambda case: case.name)
def test_bad_images_are_refused(case: Malformed, start: Callable[..., Service]) -> None:
    signature: Signature = signature_of(x=("float32", [None, 8, 8, 1]))
    service = start(signature, image={"size": [8, 8], "mode": "L"})
    status, error = error_of(service, case)
    assert (status, error["code"]) == (case.status, case.code), error


def test_images_are_refused_by_a_service_without_image(digits: Service) -> None:
    buffer = io.BytesIO()
    Image.new("L", (2, 2)).save(buffer, "PNG")
    status, error = error_of(digits, Malformed("png", {"content-type": "image/png"}, buffer.getvalue(), "SW1513"))
    assert (status, error["code"]) == (400, "SW1513")
    assert "`image`" in error["message"]
