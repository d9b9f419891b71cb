"""A model's structure: its nodes in order, and the graph of the core made of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnfast._core import Graph
from cnnfast.layers.input import InputLayer

if TYPE_CHECKING:
    from cnnfast._core import ParameterInfo
    from cnnfast.layers.layer import Layer
    from cnnfast.layers.symbolic import SymbolicTensor


@dataclass(frozen=True)
class Node:
    """One use of a layer.

    Attributes:
        layer: The layer.
        sources: Which nodes it takes, by their place in the blueprint.
        shape: Its output's shape for one sample.
        multiply_adds: Its multiply-adds for one sample.
    """

    layer: Layer
    sources: tuple[int, ...]
    shape: tuple[int, ...]
    multiply_adds: int


class Blueprint:
    """All nodes between an input and an output.

    Args:
        source: Where the graph begins: what `Input` returned.
        target: Where it ends: what a layer returned.

    Raises:
        ValueError: If the two are not connected, or a layer with weights is used twice.
    """

    def __init__(self, source: SymbolicTensor, target: SymbolicTensor) -> None:
        symbols = _in_order(source, target)
        places = {id(symbol): place for place, symbol in enumerate(symbols)}
        self.graph = Graph()
        self.nodes: list[Node] = []
        values: list[int] = []
        for symbol in symbols:
            sources = tuple(places[id(s)] for s in symbol.sources) if symbol is not source else ()
            first = max(values, default=-1) + 1
            # A model cut out of another begins where a layer of that one ended; an input stands in for it.
            layer = symbol.layer if symbol is not source else _input_for(source)
            values.append(layer._emit(self.graph, [values[place] for place in sources]))
            work = sum(self.graph.multiply_adds(value) for value in range(first, values[-1] + 1))
            self.nodes.append(Node(layer, sources, symbol.sample_shape, work))
        self.output = values[-1]
        self.input_shape = self.nodes[0].shape  # of one sample
        self.parameters: list[ParameterInfo] = self.graph.parameters()
        self.positions: dict[str, list[int]] = {node.layer.name: [] for node in self.nodes}
        for position, info in enumerate(self.parameters):
            self.positions[info["name"].split("/", 1)[0]].append(position)
        self._check_uses()

    def _check_uses(self) -> None:
        names = Counter(layer.name for layer in self.layers)
        uses = Counter(id(node.layer) for node in self.nodes)
        for node in self.nodes:
            if names[node.layer.name] > 1:
                raise ValueError(
                    f"two layers of the model are named {node.layer.name!r}; give one another name"
                )
            if uses[id(node.layer)] > 1 and self.positions[node.layer.name]:
                raise ValueError(
                    f"layer {node.layer.name!r} is used {uses[id(node.layer)]} times in the model; layers "
                    "with weights cannot be shared, so make one for each place"
                )

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, each once."""
        return list({id(node.layer): node.layer for node in self.nodes}.values())

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output for one sample."""
        return self.nodes[-1].shape

    def parameters_of(self, layer: Layer) -> list[ParameterInfo]:
        """The arrays of weights of one layer."""
        return [self.parameters[position] for position in self.positions[layer.name]]


def _input_for(source: SymbolicTensor) -> InputLayer:
    return source.layer if isinstance(source.layer, InputLayer) else InputLayer(source.sample_shape)


def _in_order(source: SymbolicTensor, target: SymbolicTensor) -> list[SymbolicTensor]:
    """Returns the symbols from `source` to `target`, sources first; iterative, since networks may be deep."""
    order: list[SymbolicTensor] = []
    begun: set[int] = set()
    todo = [(target, False)]
    while todo:
        symbol, sources_done = todo.pop()
        if sources_done:
            order.append(symbol)
        elif id(symbol) not in begun:
            begun.add(id(symbol))
            todo.append((symbol, True))
            if symbol is not source:
                if isinstance(symbol.layer, InputLayer):
                    raise ValueError(
                        f"the output depends on {symbol.layer.name!r}, which is not the model's input; a "
                        "model has one input, and all of its output must follow from it"
                    )
                todo.extend((s, False) for s in reversed(symbol.sources))
    if order[0] is not source:
        raise ValueError(f"the output does not depend on the input {source!r}")
    return order
