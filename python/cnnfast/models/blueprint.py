"""A model's structure: its nodes in order, and the graph of the core made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnfast._core import Graph
from cnnfast.layers.input import InputLayer

if TYPE_CHECKING:
    from cnnfast.layers.layer import Layer
    from cnnfast.layers.symbolic import SymbolicTensor


@dataclass(frozen=True)
class Node:
    """One use of a layer.

    Attributes:
        layer: The layer.
        symbol: What it returned there.
        sources: Which nodes it takes, by their place in the blueprint.
        shape: Its output's shape for one sample.
        multiply_adds: Its multiply-adds for one sample.
    """

    layer: Layer
    symbol: SymbolicTensor
    sources: tuple[int, ...]
    shape: tuple[int, ...]
    multiply_adds: int


class Blueprint:
    """All nodes between an input and an output.

    Args:
        source: Where the graph begins: what `Input` returned.
        target: Where it ends: what a layer returned.

    Raises:
        ValueError: If the two are not connected, or two layers have one name.
    """

    def __init__(self, source: SymbolicTensor, target: SymbolicTensor) -> None:
        symbols = _in_order(source, target)
        places = {id(symbol): place for place, symbol in enumerate(symbols)}
        self.graph = Graph()
        self.nodes: list[Node] = []
        values: list[int] = []
        count = 0  # of the graph's nodes
        for symbol in symbols:
            sources = tuple(places[id(s)] for s in symbol.sources) if symbol is not source else ()
            # A model cut out of another begins where a layer of that one ended; an input stands in for it.
            layer = symbol.layer if symbol is not source else _input_for(source)
            values.append(layer._emit(self.graph, [values[place] for place in sources], layer._weights))
            work = sum(self.graph.multiply_adds(value) for value in range(count, values[-1] + 1))
            count = max(count, values[-1] + 1)
            self.nodes.append(Node(layer, symbol, sources, symbol.sample_shape, work))
        self.output = values[-1]
        self.input_shape = self.nodes[0].shape  # of one sample
        self._check_names()

    def _check_names(self) -> None:
        names: dict[str, Layer] = {}
        for layer in self.layers:
            if names.setdefault(layer.name, layer) is not layer:
                raise ValueError(f"two layers of the model are named {layer.name!r}; give one another name")

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, each once."""
        return list({id(node.layer): node.layer for node in self.nodes}.values())

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output for one sample."""
        return self.nodes[-1].shape


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
