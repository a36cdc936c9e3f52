"""A TensorFlow 1 graph: which placeholders an output needs, what a tensor is, and which tensors look like outputs."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scorewright.signature import TensorSpec

from .proto import VARIABLE_OPS, dtype, shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scorewright.protowire import Message

PLACEHOLDER_OPS = frozenset(["Placeholder", "PlaceholderV2"])
# Names that people give to the switch between training and serving, and to the share that dropout keeps.
_IS_TRAINING = re.compile(r"(is_?|phase_?)?train(ing)?(_?(mode|phase|flag))?|(keras_)?learning_phase", re.IGNORECASE)
_KEEP = re.compile(r"keep(_?prob(ability)?)?|dropout_keep_prob", re.IGNORECASE)
# Nodes that train, save, restore or report; none of them is part of what the network computes.
_TRAINING_OP = re.compile(
    r"NoOp|Assert|Print.*|Save.*|Restore.*|MergeV2Checkpoints|Assign.*|Scatter.*|(Resource|Sparse)*Apply.*|.*Summary.*"
)
_TRAINING_SCOPE = re.compile(r"(^|.*/)(gradients|save|train_op|report_uninitialized\w*|init)(_\d+)?/.*")
# The attribute that says an operation's output dtype, where it is not `T`; comparisons always give bool.
_DTYPE_ATTRIBUTES = ("dtype", "DstT", "output_type", "out_type", "Tout", "Tparams", "T")
_BOOL_OPS = re.compile(r"(Not)?Equal|(Greater|Less)(Equal)?|Logical.*|Is(Nan|Inf|Finite)|InTopK(V2)?|All|Any")


@dataclass(frozen=True)
class Node:
    """One operation. ``inputs``: the nodes whose outputs it takes; ``controls``: those that must run first."""

    name: str
    op: str
    inputs: tuple[str, ...]
    controls: tuple[str, ...]
    attributes: Message = field(repr=False)

    def output(self, index: int) -> tuple[str, tuple[int | None, ...] | None]:
        """Dtype and shape of one output; the dtype is empty where the graph does not say it."""
        attributes = self.attributes.mapping(5)
        shapes = list(attributes["_output_shapes"].message(1).messages(7)) if "_output_shapes" in attributes else []
        if "shape" in attributes and self.op in PLACEHOLDER_OPS:
            found = shape(attributes["shape"].message(7))
        else:
            found = shape(shapes[index]) if index < len(shapes) else None
        if _BOOL_OPS.fullmatch(self.op):
            return "bool", found
        named = next((attributes[name].number(6) for name in _DTYPE_ATTRIBUTES if name in attributes), 0)
        return (dtype(named) if named else ""), found


class Graph:
    """A ``GraphDef``'s nodes, by name."""

    def __init__(self, graph: Message) -> None:
        self.nodes: dict[str, Node] = {}
        for message in graph.messages(1):
            inputs = message.texts(3)
            name = message.text(1)
            self.nodes[name] = Node(
                name,
                message.text(2),
                tuple(text.split(":")[0] for text in inputs if not text.startswith("^")),
                tuple(text[1:] for text in inputs if text.startswith("^")),
                message,
            )

    def tensor(self, name: str) -> TensorSpec | None:
        """The tensor of a name (``network/X:0``; without a number the first output), None if there is none.

        Its dtype is empty where the graph does not say it.
        """
        node_name, _, index = name.partition(":")
        node = self.nodes.get(node_name)
        if node is None or not (index or "0").isdecimal():
            return None
        kind, dims = node.output(int(index or 0))
        inner = f"{node_name}:{index or 0}"
        return TensorSpec(name, kind, dims, None if inner == name else inner)

    def placeholders_of(self, outputs: Iterable[str]) -> tuple[TensorSpec, ...]:
        """The placeholders without a default that these tensors need, in the graph's order."""
        needed = self._needed(outputs)
        names = [node.name for node in self.nodes.values() if node.op in PLACEHOLDER_OPS and node.name in needed]
        return tuple(spec for spec in (self.tensor(f"{name}:0") for name in names) if spec is not None)

    def switches_of(self, outputs: Iterable[str]) -> dict[str, bool | float]:
        """The placeholders by which these tensors tell training from serving, each with the value for serving.

        Known by their names, and by taking one bool or one number; with a default or without.
        """
        found: dict[str, bool | float] = {}
        for name in sorted(self._needed(outputs)):
            node = self.nodes[name]
            if node.op not in PLACEHOLDER_OPS | {"PlaceholderWithDefault"}:
                continue
            kind, dims = node.output(0)
            last = name.rpartition("/")[2]
            if kind == "bool" and not dims and _IS_TRAINING.fullmatch(last):
                found[f"{name}:0"] = False
            elif kind.startswith("float") and not dims and _KEEP.fullmatch(last):
                found[f"{name}:0"] = 1.0
        return found

    def _needed(self, outputs: Iterable[str]) -> set[str]:
        """The operations that these tensors need."""
        needed: set[str] = set()
        waiting = [name.partition(":")[0] for name in outputs]
        while waiting:
            name = waiting.pop()
            if name in needed or name not in self.nodes:
                continue
            needed.add(name)
            waiting += (*self.nodes[name].inputs, *self.nodes[name].controls)
        return needed

    def candidates(self, most: int = 5) -> tuple[TensorSpec, ...]:
        """Tensors that look like outputs, the likeliest first.

        A network's output depends on variables and on the placeholders for its inputs alone. What it feeds, if
        anything, are losses and metrics, which depend on the placeholders for labels too.
        """
        consumers = self._consumers()
        inference = {name for name in self.nodes if not self._trains(name)}
        variable = self._reached([n.name for n in self.nodes.values() if n.op in VARIABLE_OPS], consumers, inference)
        needs: dict[str, set[str]] = defaultdict(set)
        for node in self.nodes.values():
            if node.op in PLACEHOLDER_OPS:
                for name in self._reached([node.name], consumers, inference):
                    needs[name].add(node.name)
        ends = [name for name in needs if name in variable and self._is_end(name, needs, consumers[name])]
        order = {name: position for position, name in enumerate(self.nodes)}
        ends.sort(key=lambda name: (len(needs[name]), self._kind_rank(name), -order[name]))
        fewest = [name for name in ends if len(needs[name]) == len(needs[ends[0]])]
        return tuple(spec for spec in (self.tensor(f"{name}:0") for name in fewest[:most]) if spec is not None)

    def _is_end(self, name: str, needs: dict[str, set[str]], consumers: list[str]) -> bool:
        """Nothing consumes it, or something that needs more placeholders does."""
        used = [needs[consumer] for consumer in consumers if consumer in needs]
        return not used or any(other > needs[name] for other in used)

    def _kind_rank(self, name: str) -> int:
        kind, dims = self.nodes[name].output(0)
        if not dims:  # a scalar is a loss or a metric
            return 2
        return 0 if kind.startswith("float") else 1

    def _consumers(self) -> dict[str, list[str]]:
        consumers: dict[str, list[str]] = defaultdict(list)
        for node in self.nodes.values():
            for name in node.inputs:
                consumers[name].append(node.name)
        return consumers

    def _reached(self, start: Iterable[str], consumers: dict[str, list[str]], within: set[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(start)
        while waiting:
            name = waiting.pop()
            if name not in found and name in within:
                found.add(name)
                waiting += consumers[name]
        return found

    def _trains(self, name: str) -> bool:
        return bool(_TRAINING_OP.fullmatch(self.nodes[name].op) or _TRAINING_SCOPE.fullmatch(name))
