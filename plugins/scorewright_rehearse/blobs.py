"""Blobs: bytes in files named by their hash, and the few operations that the SDK's storage client uses."""

from __future__ import annotations

import base64
import hashlib
import re
import xml.etree.ElementTree as ElementTree
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import quote

from .exchange import ApiError, Call, Reply
from .world import Blob, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .plane import Plane

CONTAINER = "azureml"
SAFE = "".join(chr(code) for code in range(32, 127) if chr(code) not in "?#")
RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class BlobStore:
    """The bytes of blobs. Same content, same file, so worlds can be copied without copying models."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, content: bytes) -> str:
        """Keep bytes and return their name."""
        name = hashlib.sha256(content).hexdigest()
        path = self._folder / name
        if not path.exists():
            path.write_bytes(content)
        return name

    def file(self, name: str) -> Path:
        """The file with these bytes."""
        return self._folder / name


def content_uri(plane: Plane, name: str) -> str:
    """A URL with which a client may write and read the blob; the signature is checked for presence only.

    The name is left as it is but for what would end it: the SDK's storage client encodes it once more."""
    return plane.url("blobs", f"/{CONTAINER}/{quote(name, safe=SAFE)}?sv=2019-07-07&sr=b&sp=rcw&sig={new_id()}")


def write(plane: Plane, name: str, content: bytes, kind: str = "application/octet-stream") -> Blob:
    """Store a blob under its name."""
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    modified = formatdate(usegmt=True)
    blob = Blob(plane.blobs.put(content), len(content), digest, f'"{new_id()}"', modified, kind)
    plane.world.blobs[name] = blob
    return blob


def put(plane: Plane, call: Call) -> Reply:
    """Put Blob, Put Block or Put Block List."""
    _authorize(call)
    _verify(call)
    what = call.query.get("comp", "")
    if what == "block":
        pieces = plane.world.blocks.setdefault(call.parts["blob"], {})
        pieces[call.query.get("blockid", "")] = plane.blobs.put(call.body)
        return Reply(201, b"", {"Content-MD5": call.headers.get("Content-MD5", "")})
    if what not in {"", "blocklist"}:
        raise _refusal(400, "InvalidQueryParameterValue")
    content = _joined(plane, call) if what == "blocklist" else call.body
    kind = call.headers.get("x-ms-blob-content-type", "application/octet-stream")
    blob = write(plane, call.parts["blob"], content[: len(content) // 2] if call.corrupt else content, kind)
    return Reply(201, b"", {"ETag": blob.etag, "Last-Modified": blob.modified, "x-ms-request-server-encrypted": "true"})


def get(plane: Plane, call: Call) -> Reply:
    """Get Blob, whole or a range of it. An empty blob has no range: 416, which clients expect."""
    blob = _find(plane, call)
    content = plane.blobs.file(blob.content).read_bytes()
    wanted = RANGE.fullmatch(call.headers.get("x-ms-range") or call.headers.get("Range", ""))
    headers = _headers(blob)
    if wanted is None:
        return Reply(200, content, headers)
    first, last = int(wanted[1]), int(wanted[2]) if wanted[2] else blob.size - 1
    if first >= blob.size:
        raise _refusal(416, "InvalidRange")
    piece = content[first : last + 1]
    return Reply(206, piece, headers | {"Content-Range": f"bytes {first}-{first + len(piece) - 1}/{blob.size}"})


def head(plane: Plane, call: Call) -> Reply:
    """The blob's properties."""
    blob = _find(plane, call)
    return Reply(200, b"", _headers(blob) | {"Content-Length": str(blob.size)})


def below(plane: Plane, prefix: str) -> Iterable[tuple[str, Blob]]:
    """The blob of this name, or those in the folder of this name, with their names, sorted."""
    for name, blob in sorted(plane.world.blobs.items()):
        if name == prefix or name.startswith(prefix.rstrip("/") + "/"):
            yield name, blob


def _joined(plane: Plane, call: Call) -> bytes:
    """The bytes of a block list: uncommitted blocks in the order the list names them."""
    pieces = plane.world.blocks.pop(call.parts["blob"], {})
    try:
        listed = [element.text or "" for element in ElementTree.fromstring(call.body)]
        return b"".join(plane.blobs.file(pieces[id]).read_bytes() for id in listed)
    except (ElementTree.ParseError, KeyError):
        raise _refusal(400, "InvalidBlockList") from None


def _verify(call: Call) -> None:
    expected = call.headers.get("Content-MD5")
    if expected and base64.b64encode(hashlib.md5(call.body, usedforsecurity=False).digest()).decode() != expected:
        raise _refusal(400, "Md5Mismatch")


def _authorize(call: Call) -> None:
    if "sig" not in call.query:
        raise _refusal(403, "AuthenticationFailed")


def _find(plane: Plane, call: Call) -> Blob:
    _authorize(call)
    blob = plane.world.blobs.get(call.parts["blob"])
    if blob is None:
        raise _refusal(404, "BlobNotFound")
    return blob


def _headers(blob: Blob) -> dict[str, str]:
    return {
        "ETag": blob.etag,
        "Last-Modified": blob.modified,
        "Content-Type": blob.kind,
        "Content-MD5": blob.md5,
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "BlockBlob",
    }


def _refusal(status: int, code: str) -> ApiError:
    """Storage speaks XML; clients read the code from a header."""
    error = ApiError(status, {})
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
    error.reply = Reply(status, body.encode(), {"x-ms-error-code": code, "Content-Type": "application/xml"})
    return error
