"""Stored tensors: their dtypes, shapes and devices, from the pickle that names them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from .pickles import Call, Global, Mapping, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

# The classes and functions that a dict of tensors needs; torch's `weights_only` loading admits the same and a few more.
# https://docs.pytorch.org/docs/stable/notes/serialization.html#weights-only-security
SAFE_NAMES = frozenset(
    [
        "collections.OrderedDict",
        "collections.Counter",
        "builtins.set",
        "builtins.bytearray",
        "_codecs.encode",
        "torch.Size",
        "torch.device",
        "torch.Tensor",
        "torch.nn.parameter.Parameter",
        "torch.nn.parameter.Buffer",
        "torch.serialization._get_layout",
        "torch._tensor._rebuild_from_type_v2",
        "numpy.dtype",
        "numpy._core.multiarray.scalar",
        "numpy.core.multiarray.scalar",
        *(
            f"torch._utils._rebuild_{kind}"
            for kind in (
                *("tensor", "tensor_v2", "tensor_v3", "parameter", "parameter_with_state", "sparse_tensor"),
                *("qtensor", "meta_tensor_no_storage", "device_tensor_from_numpy", "wrapper_subclass"),
            )
        ),
    ]
)
_SAFE_PREFIXES = ("torch.float", "torch.int", "torch.uint", "torch.bfloat", "torch.bool", "torch.complex", "torch.q")
_STORAGES = {
    "FloatStorage": ("float32", 4),
    "DoubleStorage": ("float64", 8),
    "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2),
    "LongStorage": ("int64", 8),
    "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2),
    "CharStorage": ("int8", 1),
    "ByteStorage": ("uint8", 1),
    "BoolStorage": ("bool", 1),
    "ComplexFloatStorage": ("complex64", 8),
    "ComplexDoubleStorage": ("complex128", 16),
    "UntypedStorage": ("", 1),
}
_REBUILD = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_tensor")


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file. ``device``: where it was when it was saved (``cuda:0``)."""

    dtype: str
    shape: tuple[int, ...]
    device: str


def is_safe(name: str) -> bool:
    """Whether a pickle may name this without running anything of the author's."""
    module, _, last = name.rpartition(".")
    storage = module in ("torch", "torch.storage") and (last in _STORAGES or last.endswith("Storage"))
    return name in SAFE_NAMES or storage or (module == "torch" and name.startswith(_SAFE_PREFIXES))


def items_of(value: object) -> list[tuple[object, object]] | None:
    """The items of a dict or an ``OrderedDict``, None if it is neither."""
    if isinstance(value, Mapping):
        return value.items
    if isinstance(value, Call) and value.target == Global("collections.OrderedDict"):
        return value.items
    return None


def tensors_of(value: object) -> dict[str, StoredTensor] | None:
    """The tensors of a state dict by name, None if the value is no dict of tensors."""
    items = items_of(value)
    if not items:
        return None
    tensors: dict[str, StoredTensor] = {}
    for key, item in items:
        found = tensor(item)
        if found is not None:
            tensors[str(key)] = found
        elif not (item is None or isinstance(item, str | int | float | bool | bytes) or key == "_extra_state"):
            return None
    return tensors or None


def tensor(value: object) -> StoredTensor | None:
    """The tensor that a call would rebuild, None if it is another call."""
    if not isinstance(value, Call) or not isinstance(value.target, Global) or not isinstance(value.args, tuple):
        return None
    if value.target.name.startswith("torch._utils._rebuild_parameter"):
        return tensor(value.args[0]) if value.args else None
    if value.target.name not in _REBUILD or len(value.args) < 3:
        return None
    storage = _storage(value.args[0])
    shape = value.args[2]
    if storage is None or not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape):
        return None
    kind, device = storage
    named = [arg.name.removeprefix("torch.") for arg in value.args[3:] if isinstance(arg, Global)]
    return StoredTensor(named[0] if named else kind, shape, device)


def stored_bytes(value: object) -> int:
    """The bytes of all stored numbers that a value refers to; shared ones count once."""
    sizes: dict[object, int] = {}
    for stored in _references(value):
        key = stored.key
        if isinstance(key, tuple) and len(key) >= 5 and isinstance(key[1], Global) and isinstance(key[4], int):
            sizes[str(key[2])] = key[4] * _STORAGES.get(key[1].name.rpartition(".")[2], ("", 1))[1]
    return sum(sizes.values())


def tensor_bytes(found: StoredTensor) -> int:
    """The bytes of one tensor's numbers."""
    sizes = {kind: size for kind, size in _STORAGES.values() if kind}
    return prod(found.shape) * sizes.get(found.dtype, 1)


def _storage(value: object) -> tuple[str, str] | None:
    key = value.key if isinstance(value, Stored) else None
    if not isinstance(key, tuple) or len(key) < 5 or not isinstance(key[1], Global):
        return None
    kind = _STORAGES.get(key[1].name.rpartition(".")[2])
    return (kind[0], str(key[3])) if kind else None


def _references(value: object) -> Iterator[Stored]:
    seen: set[int] = set()
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Stored):
            yield item
        elif isinstance(item, Call):
            waiting += [item.target, item.args, item.state, item.items]
        elif isinstance(item, Mapping):
            waiting.append(item.items)
        elif isinstance(item, list | tuple):
            waiting += item
