"""The files that torch writes: what kind each is, and its members. Modern ones are zips with one root folder."""

from __future__ import annotations

import json
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from .pickles import PickleError, names, read_pickle
from .tensors import is_safe, items_of, tensors_of

if TYPE_CHECKING:
    from pathlib import Path

# What torch's files before 1.6 begin with: a pickle of a magic number.
_LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_PICKLES_BEFORE = 3
_MOST_BYTES = 512 * 2**20  # a larger description of a model is none


class Archive:
    """One zip archive of torch's. Its members are named without the root folder (``data.pkl``, ``code/…``)."""

    def __init__(self, path: Path) -> None:
        """Raises `ValueError` if the file is no such archive, `OSError` if it cannot be read."""
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise ValueError("it is no whole zip archive") from error
        # A cut archive may end in an inner one, which then looks like the archive itself.
        if min((info.header_offset for info in self._zip.infolist()), default=1) != 0:
            self._zip.close()
            raise ValueError("it is no whole zip archive")
        self._names = {_without_root(name): name for name in self._zip.namelist()}

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def under(self, prefix: str) -> list[str]:
        """The members whose name begins so."""
        return sorted(name for name in self._names if name.startswith(prefix))

    def size(self, name: str) -> int:
        """A member's size in bytes, unpacked."""
        return self._zip.getinfo(self._names[name]).file_size

    def read(self, name: str) -> bytes:
        """A member's bytes. Raises `ValueError` if it is missing, damaged or too large."""
        if name not in self._names:
            raise ValueError(f"it has no {name}")
        if self.size(name) > _MOST_BYTES:
            raise ValueError(f"its {name} is larger than {_MOST_BYTES} bytes")
        try:
            return self._zip.read(self._names[name])
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise ValueError(f"its {name} is damaged") from error

    def json(self, name: str) -> dict[str, Any]:
        """A member that is a JSON object."""
        found = json.loads(self.read(name))
        if not isinstance(found, dict):
            raise ValueError(f"its {name} is no JSON object")
        return found


def kind_of(path: Path) -> str | None:
    """The format of a file: ``torchscript``, ``export``, ``state_dict``, ``pickle``, ``safetensors``, or None."""
    with path.open("rb") as file:
        start = file.read(len(_LEGACY_MAGIC))
    if start == _LEGACY_MAGIC:
        return _pickle_kind(path)
    if _is_safetensors(path, start):
        return "safetensors"
    if not start.startswith(b"PK"):
        return None
    with Archive(path) as archive:
        if "constants.pkl" in archive and archive.under("code/"):
            return "torchscript"
        if "archive_format" in archive or "serialized_exported_program.json" in archive:
            return "export"
    return _pickle_kind(path)


def content(path: Path) -> Any:  # noqa: ANN401 - a pickle holds anything
    """What a file of ``torch.save`` would load as, in inert records. Raises `ValueError` if it is none."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            for _ in range(_LEGACY_PICKLES_BEFORE):
                read_pickle(file)
            return read_pickle(file)
    with Archive(path) as archive:
        return read_pickle(archive.read("data.pkl"))


def unsafe_names(data: bytes) -> list[str]:
    """The classes and functions in a pickle that are not just tensors."""
    return sorted(name for name in names(data) if not is_safe(name))


def state_dict_keys(value: object) -> list[str] | None:
    """The keys that lead to a dict of tensors: none for a plain state dict, one for a training checkpoint's.

    None if there is no such dict, or more than one.
    """
    if tensors_of(value) is not None:
        return []
    inner = [str(key) for key, item in items_of(value) or () if tensors_of(item) is not None]
    known = [key for key in inner if key in ("state_dict", "model_state_dict", "model", "weights")]
    found = known if len(known) == 1 else inner
    return found if len(found) == 1 else None


def _pickle_kind(path: Path) -> str | None:
    try:
        value = content(path)
    except (PickleError, ValueError):
        return None
    return "pickle" if items_of(value) is None else "state_dict"


def _is_safetensors(path: Path, start: bytes) -> bool:
    size = int.from_bytes(start[:8], "little")
    return len(start) > 8 and start[8:9] == b"{" and 2 <= size <= path.stat().st_size - 8


def _without_root(name: str) -> str:
    """Members lie below one folder; the oldest ``.pt2`` files have none."""
    root, slash, rest = name.partition("/")
    return rest if slash and not root.startswith(("extra_files", "serialized")) else name
