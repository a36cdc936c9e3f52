"""YAML text to a tree of nodes with places, safely.

The tree is composed here from ruamel.yaml's parse events, because a deploy file needs less than YAML offers: values
are null, true/false, numbers and text by the YAML 1.2 core schema, and nothing a file says can make any other object.
Aliases are counted as often as they are used, so a small file cannot become a huge one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from scorewright.findings import Location

from .faults import BAD_YAML, DUPLICATE_KEY, NO_FILE, Faults, harmless, nearest, printable
from .nodes import FAULTY, Node, Value
from .origin import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ruamel.yaml.events import CollectionStartEvent, Event, MappingStartEvent, NodeEvent

    from .origin import KeyPath

MOST_BYTES = 4 * 1024 * 1024
MOST_NODES = 200_000
MOST_LEVELS = 64

CORE = "tag:yaml.org,2002:"
NULL = re.compile(r"(?:~|null|Null|NULL|)")
TRUE = re.compile(r"(?:true|True|TRUE)")
FALSE = re.compile(r"(?:false|False|FALSE)")
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
MOST_DIGITS = 400
"""Longest number that is read as one; nothing in a deploy file comes near it."""


def scalar(text: str) -> None | bool | int | float | str:
    """The value of an unquoted scalar by the YAML 1.2 core schema."""
    if NULL.fullmatch(text):
        return None
    if TRUE.fullmatch(text):
        return True
    if FALSE.fullmatch(text):
        return False
    if len(text) > MOST_DIGITS:
        return text
    if INTEGER.fullmatch(text):
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    if NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


def whole_text(text: str) -> str | None:
    """Text with its surrogate pairs joined, or None where it holds what no file, path or variable can (NUL, halves)."""
    try:
        joined = text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return None
    return None if "\0" in joined else joined


def read_file(file: Path, faults: Faults) -> Node | None:
    """The tree of one deploy file; None with faults noted if there is none. An empty file is an empty mapping."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        faults.add(NO_FILE, f"cannot read {harmless(str(file))}: {reason}", Location(file), hint=_file_hint(file))
        return None
    if len(content) > MOST_BYTES:
        faults.add(BAD_YAML, f"the file is larger than {MOST_BYTES // 1024 // 1024} MiB", Location(file))
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        faults.add(BAD_YAML, "the file is not UTF-8 text", Location(file, line, 1))
        return None
    root = read_text(text, Location(file), file.absolute().parent, faults)
    if root is None or isinstance(root.value, dict):
        return root
    if root.value is None:
        return replace(root, value={})
    faults.add(BAD_YAML, "the file must be a mapping, with keys such as scorewright and services", root.at)
    return None


def _file_hint(file: Path) -> str:
    if file.is_dir():
        return f"That is a folder; name the file in it, such as {file / 'deploy.yaml'}."
    try:
        found = nearest(file.name, [entry.name for entry in file.parent.iterdir() if entry.is_file()])
    except (OSError, ValueError):
        found = None
    if found and found != file.name:
        return f"Did you mean {harmless(str(file.with_name(found)))}?"
    return "`scorewright init MODEL` writes a deploy file from a model file."


def read_text(text: str, where: Location, folder: Path, faults: Faults, *, inline: bool = False) -> Node | None:
    """The tree of a YAML text; None with the fault noted if it cannot be read.

    ``where``: the file. ``inline``: the text is in no file (``--set``), and ``where`` is the place of all it holds.
    """
    try:
        return _Composer(YAML(typ="safe", pure=True).parse(text), where, folder, faults, inline=inline).document()
    except _Unreadable as error:
        faults.add(BAD_YAML, str(error), error.at, hint=error.hint)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = replace(where, line=mark.line + 1, column=mark.column + 1) if mark and not inline else where
        begun = f", {error.context} from line {error.context_mark.line + 1}" if error.context_mark else ""
        what = f"{error.problem}{begun}"
        faults.add(BAD_YAML, f"this is not YAML: {harmless(what)}", at, hint=_syntax_hint(what, text, at))
    except YAMLError as error:
        faults.add(BAD_YAML, f"this is not YAML: {printable(' '.join(str(error).split()))}", where)
    return None


def _syntax_hint(what: str, text: str, at: Location) -> str | None:
    lines = text.splitlines()
    line = lines[at.line - 1] if 0 < at.line <= len(lines) else ""
    if "\t" in line:
        return "Indent with spaces: YAML takes no tabs there."
    if "mapping values are not allowed" in what:
        return "A value that holds a colon and a space needs quotes; a key needs the indentation of its neighbours."
    if "could not find expected ':'" in what:
        return "Each key needs a colon and a space after it."
    return None


class _Unreadable(Exception):
    """Ends the reading of a text that is YAML but not what we read."""

    def __init__(self, message: str, at: Location, hint: str | None = None) -> None:
        super().__init__(message)
        self.at = at
        self.hint = hint


class _Composer:
    """Composes the nodes of one text from its parse events."""

    def __init__(self, events: Iterator[Event], where: Location, folder: Path, faults: Faults, *, inline: bool) -> None:
        self._events = events
        self._where = where
        self._inline = inline
        self._folder = folder
        self._faults = faults
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node:
        next(self._events)  # the start of the stream
        event = next(self._events)
        if isinstance(event, StreamEndEvent):
            return self._node(None, event)
        root = self._compose(next(self._events), ())
        next(self._events)  # the end of the document
        event = next(self._events)
        if not isinstance(event, StreamEndEvent):
            raise _Unreadable("a second document begins here", self._at(event), "Keep one document in a file.")
        return root

    def _compose(self, event: Event, path: KeyPath) -> Node:
        if len(path) > MOST_LEVELS:
            raise _Unreadable(f"more than {MOST_LEVELS} levels of nesting", self._at(event))
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        if isinstance(event, ScalarEvent):
            node = self._scalar(event, path)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(event, path)
        else:
            node = self._mapping(cast("MappingStartEvent", event), path)
        if node.size > MOST_NODES:
            raise _Unreadable(f"more than {MOST_NODES} values, aliases counted each time", self._at(event))
        anchor = cast("NodeEvent", event).anchor
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: AliasEvent, path: KeyPath) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise _Unreadable(f"*{printable(event.anchor)} stands before its anchor, or inside it", self._at(event))
        if len(path) + node.depth > MOST_LEVELS:
            raise _Unreadable(f"more than {MOST_LEVELS} levels of nesting", self._at(event))
        return node

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> Node:
        text = whole_text(event.value)
        if text is None:
            self._fault("a NUL or half a surrogate pair is not text", event, path)
            return self._node(FAULTY, event)
        if event.tag is None or event.tag == "!":
            plain = event.tag is None and event.implicit[0]
            return self._node(scalar(text) if plain else text, event, text)
        value = _tagged(event.tag, text)
        if value is FAULTY:
            self._fault(f"the tag {_short(event.tag)} is not read here", event, path)
        return self._node(value, event, text)

    def _sequence(self, event: SequenceStartEvent, path: KeyPath) -> Node:
        items: list[Node] = []
        while not isinstance(inner := next(self._events), SequenceEndEvent):
            item = self._compose(inner, (*path, len(items)))
            items.append(replace(item, key_at=item.at))
        return self._collection(items, event, path, "seq")

    def _mapping(self, event: MappingStartEvent, path: KeyPath) -> Node:
        entries: dict[str, Node] = {}
        merged: list[Node] = []
        while not isinstance(key := next(self._events), MappingEndEvent):
            name = self._key(key, path)
            node = self._compose(next(self._events), (*path, name))
            if name == "<<" and cast("ScalarEvent", key).implicit[0]:
                merged += self._merged(node, key)
                continue
            if name in entries:
                first = entries[name].key_at
                message = f"given twice; the first is at line {first.line}" if first.line else "given twice"
                self._faults.add(DUPLICATE_KEY, message, self._at(key), path=(*path, name), hint="Keep one of the two.")
            entries[name] = replace(node, key_at=self._at(key))
        for source in merged:
            for inherited, node in source.children():
                entries.setdefault(str(inherited), node)
        return self._collection(entries, event, path, "map")

    def _key(self, event: Event, path: KeyPath) -> str:
        text = whole_text(event.value) if isinstance(event, ScalarEvent) else None
        if text is None:
            below = f"below {printable(dotted(path))}" if path else "of the file"
            raise _Unreadable(f"a key {below} is not plain text", self._at(event))
        return text

    def _merged(self, node: Node, key: Event) -> list[Node]:
        sources = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(source.value, dict) for source in sources):
            raise _Unreadable("<< takes a mapping, or a list of mappings", self._at(key))
        return sources

    def _collection(
        self, value: dict[str, Node] | list[Node], event: CollectionStartEvent, path: KeyPath, name: str
    ) -> Node:
        if event.tag is not None and event.tag not in ("!", CORE + name):
            self._fault(f"the tag {_short(event.tag)} is not read here", event, path)
        node = self._node(value, event)
        children = [child for _, child in node.children()]
        size = 1 + sum(child.size for child in children)
        return replace(node, size=size, depth=1 + max((child.depth for child in children), default=0))

    def _node(self, value: Value, event: Event, text: str = "") -> Node:
        at = self._at(event)
        return Node(value, at, at, self._folder, text)

    def _fault(self, message: str, event: Event, path: KeyPath) -> None:
        self._faults.add(BAD_YAML, message, self._at(event), path=path)

    def _at(self, event: Event) -> Location:
        if self._inline:
            return self._where
        return replace(self._where, line=event.start_mark.line + 1, column=event.start_mark.column + 1)


def _short(tag: str) -> str:
    return printable(f"!!{tag.removeprefix(CORE)}" if tag.startswith(CORE) else tag)


def _tagged(tag: str, text: str) -> Value:
    """The value of a scalar with one of the core schema's own tags; `FAULTY` where it does not fit or is another's."""
    if tag == CORE + "str":
        return text
    value = scalar(text)
    if tag == CORE + "float" and type(value) is int:
        return float(value)
    wanted = {"int": int, "float": float, "bool": bool, "null": type(None)}.get(tag.removeprefix(CORE))
    return value if type(value) is wanted else FAULTY
