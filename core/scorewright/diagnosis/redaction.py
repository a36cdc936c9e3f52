"""Secrets out of texts that are shown."""

from __future__ import annotations

import re

HIDDEN = "(hidden)"

_NAMES = (
    r"password|passwd|pwd|client_?secret|primary_?key|secondary_?key|account_?key|shared_?access_?key|api_?key|"
    r"access_?token|refresh_?token|id_?token|connection_?string|shared_?access_?signature"
)
_PATTERNS = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s{1,4})[\w.~+/=-]{8,}"),
    re.compile(r"()\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]{0,})?"),  # a JSON web token
    re.compile(r"(?i)([?&](?:sig|code|key|token|secret)=)[^&\s'\"]+"),
    re.compile(r"(://)[^/\s@'\"]{1,200}(?=@)"),  # user and password, or a token alone, in an address
    re.compile(rf"(?i)(\b(?:{_NAMES})\b[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?)[^\"',;\s}}]+"),
    re.compile(r"(?i)([\"'](?:token|secret|key)[\"']\s{0,4}:\s{0,4}[\"'])[^\"']+"),
    re.compile(r"(?i)(\b[\w-]{0,60}(?:token|secret|password|_key)=)[^\s&\"',;]+"),
    re.compile(r"()\b[A-Za-z0-9+/]{86}=="),  # a storage account's key
)


def redact(text: str) -> str:
    """The text without tokens, signatures, keys, passwords and credentials in addresses."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text
