"""Reads what a pickle would build, without building it: no name in it is looked up, nothing in it is called.

A pickle is a program for a small stack machine (the standard library's `pickletools` documents every opcode). Here the
machine runs with inert records in the place of classes, calls and stored tensors.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_SKIPPED = frozenset(["PROTO", "FRAME", "READONLY_BUFFER", "STOP"])
_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], object]] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_SET": list}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()


class PickleError(ValueError):
    """The bytes are no pickle, or not a whole one."""


@dataclass(frozen=True)
class Global:
    """A class or function by its name (``collections.OrderedDict``)."""

    name: str


@dataclass
class Call:
    """What calling ``target`` would give. ``items``: what is then put in by key; ``state``: what it is set up with."""

    target: object
    args: object
    items: list[tuple[object, object]] = field(default_factory=list)
    state: object = None


@dataclass
class Mapping:
    """A dict, as its items: a key may be anything here."""

    items: list[tuple[object, object]] = field(default_factory=list)


@dataclass(frozen=True)
class Stored:
    """A reference to something kept outside of the pickle, such as a tensor's numbers."""

    key: object


def read_pickle(source: bytes | IO[bytes]) -> Any:  # noqa: ANN401 - a pickle holds anything
    """What one pickle would build, in the records above. Raises `PickleError` for anything but a whole pickle."""
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(source):
            if opcode.name == "STOP":
                return machine.stack[-1]
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise PickleError("it is no whole pickle") from error
    raise PickleError("it is no whole pickle")


def names(source: bytes | IO[bytes]) -> frozenset[str]:
    """Every class and function that unpickling would look up. Raises `PickleError`."""
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(source):
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise PickleError("it is no whole pickle") from error
    return frozenset(machine.names)


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.names: set[str] = set()

    def step(self, name: str, argument: object) -> None:
        handler = getattr(self, f"_{name.lower()}", None)
        if handler is not None:
            handler(argument)
        elif name in _TUPLES:
            self.stack[-_TUPLES[name] :] = [tuple(self.stack[-_TUPLES[name] :])]
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _SKIPPED:
            pass
        elif argument is not None:  # all that is left with an argument pushes a number or a text
            self.stack.append(argument)
        else:
            raise PickleError(f"it has the opcode {name}")

    def _since_mark(self) -> list[Any]:
        at = max(index for index, value in enumerate(self.stack) if value is _MARK)
        taken = self.stack[at + 1 :]
        del self.stack[at:]
        return taken

    def _mark(self, _: object) -> None:
        self.stack.append(_MARK)

    def _pop(self, _: object) -> None:
        self.stack.pop()

    def _pop_mark(self, _: object) -> None:
        self._since_mark()

    def _dup(self, _: object) -> None:
        self.stack.append(self.stack[-1])

    def _tuple(self, _: object) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _list(self, _: object) -> None:
        self.stack.append(self._since_mark())

    _frozenset = _list

    def _append(self, _: object) -> None:
        value = self.stack.pop()
        self._extend([value])

    def _appends(self, _: object) -> None:
        self._extend(self._since_mark())

    _additems = _appends

    def _extend(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)

    def _empty_dict(self, _: object) -> None:
        self.stack.append(Mapping())

    def _dict(self, _: object) -> None:
        self.stack.append(Mapping(_pairs(self._since_mark())))

    def _setitem(self, _: object) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.stack[-1].items.append((key, value))

    def _setitems(self, _: object) -> None:
        pairs = _pairs(self._since_mark())
        self.stack[-1].items.extend(pairs)

    def _global(self, argument: object) -> None:
        self._name(*str(argument).split(" ", 1))

    def _stack_global(self, _: object) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._name(module, name)

    def _name(self, module: object, name: object) -> None:
        found = Global(f"{module}.{name}")
        self.names.add(found.name)
        self.stack.append(found)

    def _inst(self, argument: object) -> None:
        args = tuple(self._since_mark())
        self._global(argument)
        self.stack[-1] = Call(self.stack[-1], args)

    def _obj(self, _: object) -> None:
        target, *args = self._since_mark()
        self.stack.append(Call(target, tuple(args)))

    def _reduce(self, _: object) -> None:
        args, target = self.stack.pop(), self.stack.pop()
        self.stack.append(Call(target, args))

    _newobj = _reduce

    def _newobj_ex(self, _: object) -> None:
        self.stack.pop()
        self._reduce(None)

    def _build(self, _: object) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Call):
            self.stack[-1].state = state

    def _ext1(self, argument: object) -> None:
        self._name("copyreg extension", argument)

    _ext2 = _ext4 = _ext1

    def _persid(self, argument: object) -> None:
        self.stack.append(Stored(argument))

    def _binpersid(self, _: object) -> None:
        self.stack.append(Stored(self.stack.pop()))

    def _put(self, argument: object) -> None:
        self.memo[int(str(argument))] = self.stack[-1]

    _binput = _long_binput = _put

    def _memoize(self, _: object) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _get(self, argument: object) -> None:
        self.stack.append(self.memo[int(str(argument))])

    _binget = _long_binget = _get


def _pairs(values: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(values[::2], values[1::2], strict=True))
