"""The SDK's five families of exceptions as one record of plain values."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

_STATUS = re.compile(r"(?:Response|Status) Code: (\d{3})", re.IGNORECASE)
_CONTENT = re.compile(r"Content: (b?(['\"]).*\2)", re.DOTALL)
_SECRETS = (
    re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+"),
    re.compile(r"(?i)([?&](?:sig|se|sp|sv|token|key)=)[^&\s'\"]+"),
    re.compile(r"(?i)(://[^/\s:@]+:)[^/\s@]+(?=@)"),
    re.compile(
        r"(?i)(\"?(?:primaryKey|secondaryKey|accessToken|access_token|client_secret|password)\"?\s*[:=]\s*\"?)[^\"',\s}]+"
    ),
)


_SAID = 8000
"""Characters kept of an answer."""


def redact(text: str) -> str:
    """The text without bearer tokens, signatures, keys and passwords."""
    for pattern in _SECRETS:
        text = pattern.sub(r"\1(hidden)", text)
    return text


def translate(error: BaseException) -> dict[str, Any]:
    """The arguments of `SdkError` for whatever the SDK raised."""
    text = str(getattr(error, "message", None) or error) or type(error).__name__
    status = _status(error, text)
    body = _body(text)
    code, message = _content(body)
    return {
        "kind": _kind(error, status),
        "message": redact(message or text),
        "status": status,
        "error_code": code,
        "said": redact(body)[:_SAID],
    }


def _kind(error: BaseException, status: int | None) -> str:
    if status is not None:
        return "service"
    modules = {cls.__module__.partition(".")[0] for cls in type(error).__mro__}
    if modules & {"requests", "urllib3", "msrest"} or isinstance(error, ConnectionError | TimeoutError):
        return "connection"
    if modules & {"azure", "azureml"}:
        return "service"
    return "input" if isinstance(error, ValueError | TypeError | OSError) else "bug"


def _status(error: BaseException, text: str) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status"):
            value = getattr(holder, name, None)
            if isinstance(value, int):
                return value
    found = _STATUS.search(text)
    return int(found.group(1)) if found else None


def _body(text: str) -> str:
    """What the service answered, out of ``Content: b'{...}'``; all of the text where there is no such thing."""
    found = _CONTENT.search(text)
    try:
        body = ast.literal_eval(found.group(1)) if found else text
    except (ValueError, SyntaxError):
        return text
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)


def _content(body: str) -> tuple[str | None, str | None]:
    """The service's own code and message out of its answer."""
    try:
        data = json.loads(body)
    except ValueError:
        return None, None
    if not isinstance(data, dict):
        return None, None
    nested = data.get("error")
    inner = nested if isinstance(nested, dict) else data
    details = [item.get("message") for item in inner.get("details") or () if isinstance(item, dict)]
    parts = [str(part) for part in (inner.get("message"), *details) if part]
    return inner.get("code"), ": ".join(dict.fromkeys(parts)) or None
