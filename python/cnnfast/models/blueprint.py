"""A model's structure: the uses of layers between its inputs and its outputs, in order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast.layers.calls import acts_by_default
from cnnfast.layers.input import InputLayer
from cnnfast.layers.symbolic import Call, SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value
from cnnfast.models.order import layer_order
from cnnfast.utils.distinct import distinct
from cnnfast.utils.nest import leaves, mapped, packed

if TYPE_CHECKING:
    from cnnfast._core import Weight
    from cnnfast.layers.layer import Layer

Dims = tuple[int, ...]


class Node(NamedTuple):
    """One use of a layer.

    Attributes:
        call: The use: the layer, and what it was called with.
        symbols: What it returned there, as far as something reads it.
        sources: Which values it takes: outputs of the nodes before it, numbered through.
        multiply_adds: Its multiply-adds for one sample; of an example where sizes are not known.
    """

    call: Call
    symbols: tuple[SymbolicTensor, ...]
    sources: tuple[int, ...]
    multiply_adds: int

    @property
    def layer(self) -> Layer:
        """The layer."""
        return self.call.layer

    @property
    def symbol(self) -> SymbolicTensor:
        """What it returned there first."""
        return self.symbols[0]

    @property
    def shape(self) -> Dims:
        """Its first output's shape for one sample; of an example where sizes are not known."""
        return self.symbols[0].examples[0]


class Described(NamedTuple):
    """A model in a graph of the core.

    Attributes:
        graph: The graph; its inputs are the model's.
        outputs: The model's outputs there.
    """

    graph: Tracing
    outputs: list[Value]

    def copy(self) -> Described:
        """Returns the same, in a graph that may go on."""
        graph = self.graph.copy()
        return Described(graph, [graph.value(value.number) for value in self.outputs])


class Blueprint:
    """All nodes between inputs and outputs.

    Args:
        inputs: Where the graph begins: what `Input` or layers returned; a list, tuple or dict of several.
        outputs: Where it ends, likewise.

    Raises:
        ValueError: If the two are not connected, or two layers have one name.
    """

    fixed = True  # whether inputs have the shapes that they were declared with

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.sources: list[SymbolicTensor] = leaves(inputs)
        self.targets: list[SymbolicTensor] = leaves(outputs)
        begins = {_key(source): _input_for(source) for source in self.sources}
        if len(begins) < len(self.sources):
            raise ValueError("an input of a model is listed twice; list each once")
        calls = [begins[_key(source)] for source in self.sources] + _in_order(begins, self.targets)
        self._places: dict[tuple[int, int], int] = {}  # of values, numbered through
        self.nodes: list[Node] = []
        self._graph = Tracing()
        self._check_names(calls)
        self._number(calls, begins)
        self.input_names = _all_distinct([call.layer.name for call in begins.values()])
        self.output_names = names_of(outputs, self.targets)

    def _number(self, calls: Sequence[Call], begins: dict[tuple[int, int], Call]) -> None:
        """Describes the model with its (first) examples of shapes, node by node."""
        values: list[Value] = []
        symbols = _symbols_of(calls, self.targets)
        for key in begins:
            self._places[key] = len(self._places)
        for number, call in enumerate(calls):
            first = self._graph.size
            made = self._traced_call(self._graph, call, values)
            work = sum(self._graph.multiply_adds(value) for value in range(first, self._graph.size))
            if number >= len(begins):
                for place in range(len(made)):
                    self._places[id(call), place] = len(values) + place
            values.extend(made)
            sources = tuple(self._places[_key(source)] for source in call.sources)
            own = self.sources[number : number + 1] if number < len(begins) else symbols[id(call)]
            self.nodes.append(Node(call, tuple(own), sources, work))
        self._example = Described(self._graph, [values[self._places[_key(t)]] for t in self.targets])

    def _traced_call(self, graph: Tracing, call: Call, values: Sequence[Value]) -> list[Value]:
        def value(each: Any) -> Any:
            return values[self._places[_key(each)]] if isinstance(each, SymbolicTensor) else each

        args, kwargs = mapped(value, (call.args, call.kwargs or {}))
        return leaves(graph.passed(call.layer, call, call.layer._trace(graph, args, kwargs)))

    def trace(self, graph: Tracing, inputs: Sequence[Value]) -> list[Value]:
        """Adds the model to a graph, given the values of its inputs there; returns those of its outputs."""
        values = list(inputs)
        for node in self.nodes[len(self.sources) :]:
            values.extend(self._traced_call(graph, node.call, values))
        return [values[self._places[_key(target)]] for target in self.targets]

    def describe(self, shapes: Sequence[Dims], training: bool) -> Described:
        """Returns the model for samples of these shapes."""
        if not training and list(shapes) == self.shapes:
            return self._example
        graph = Tracing(training)
        inputs = [
            graph.value(graph.input(shape, name))
            for shape, name in zip(shapes, self.input_names, strict=True)
        ]
        return Described(graph, self.trace(graph, inputs))

    @cached_property
    def is_simple(self) -> bool:
        """Whether it makes one array of one array of a known shape."""
        single = isinstance(self.inputs, SymbolicTensor) and isinstance(self.outputs, SymbolicTensor)
        return single and None not in self.inputs.shape[1:]

    @cached_property
    def acts_by_default(self) -> bool:
        """Whether there are layers that act on arrays as in training, unless told."""
        return any(acts_by_default(leaf) for node in self.nodes for leaf in node.layer._leaves())

    @cached_property
    def shapes(self) -> list[Dims]:
        """The shapes of samples; examples where they are not known in advance."""
        return [source.examples[0] for source in self.sources]

    @cached_property
    def weights(self) -> list[Weight]:
        """The weights, each once."""
        return self._graph.weights

    @property
    def depends_on_training(self) -> bool:
        """Whether training makes another graph."""
        return self._graph.asked_training

    def place_of(self, symbol: SymbolicTensor) -> int:
        """Returns the number of a value."""
        return self._places[_key(symbol)]

    def shown(self) -> Any:
        """Returns the outputs as others may keep them."""
        return self.outputs

    def pack_outputs(self, values: Sequence[Any]) -> Any:
        """Returns the outputs as the model was told to: one, or a list, tuple or dict."""
        return packed(self.outputs, values)

    @cached_property
    def layers(self) -> list[Layer]:
        """The layers in order, each once."""
        found = {id(node.layer): node.layer for node in self.nodes}
        makers = {id(node.call): number for number, node in enumerate(self.nodes)}
        begins = {_key(source): number for number, source in enumerate(self.sources)}

        def maker(symbol: SymbolicTensor) -> int:
            begin = begins.get(_key(symbol))
            return makers[id(symbol.call)] if begin is None else begin

        sources = [
            [] if number < len(begins) else [maker(source) for source in node.call.sources]
            for number, node in enumerate(self.nodes)
        ]
        order = layer_order(
            [id(node.layer) for node in self.nodes], sources, [maker(t) for t in self.targets]
        )
        return [found[layer] for layer in order]

    @property
    def input_shape(self) -> Dims:
        """Shape of the first input for one sample."""
        return self.shapes[0]

    @property
    def output_shape(self) -> Dims:
        """Shape of the first output for one sample."""
        return self.targets[0].examples[0]

    @staticmethod
    def _check_names(calls: Sequence[Call]) -> None:
        names: dict[str, Layer] = {}
        for call in calls:
            if names.setdefault(call.layer.name, call.layer) is not call.layer:
                raise ValueError(
                    f"two layers of the model are named {call.layer.name!r}; give one another name"
                )


def rename_twins(inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> None:
    """Gives each layer between them another name if one before it has its own: some were made up."""
    begins = {_key(each): _input_for(each) for each in inputs}
    calls = [*begins.values(), *_in_order(begins, outputs)]
    taken: set[str] = set()
    for layer in {id(call.layer): call.layer for call in calls}.values():
        name = distinct(layer.name, taken)
        if name != layer.name:
            layer.name = name


def _key(symbol: SymbolicTensor) -> tuple[int, int]:
    return id(symbol.call), symbol.place


def _input_for(source: SymbolicTensor) -> Call:
    """A model cut out of another begins where a layer of that one ended; an input stands in for it."""
    return source.call if isinstance(source.layer, InputLayer) else Call(InputLayer(source.shape[1:]))


def _in_order(begins: dict[tuple[int, int], Call], targets: Sequence[SymbolicTensor]) -> list[Call]:
    """Returns the calls from the inputs to the targets, sources first; iterative: networks may be deep."""
    order: list[Call] = []
    begun: set[int] = set()
    used: set[tuple[int, int]] = set()
    todo = [(target, False) for target in reversed(targets)]
    while todo:
        symbol, sources_done = todo.pop()
        if _key(symbol) in begins:
            used.add(_key(symbol))
        elif sources_done:
            order.append(symbol.call)
        elif id(symbol.call) not in begun:
            begun.add(id(symbol.call))
            if isinstance(symbol.layer, InputLayer):
                raise ValueError(
                    f"an output depends on {symbol.layer.name!r}, which is not among the model's inputs; "
                    "list all of them"
                )
            todo.append((symbol, True))
            todo.extend((source, False) for source in reversed(symbol.sources))
    if not used:
        raise ValueError("the output does not depend on the input; call the layers on what Input returned")
    return order


def _symbols_of(calls: Sequence[Call], targets: Sequence[SymbolicTensor]) -> dict[int, list[SymbolicTensor]]:
    """Returns those outputs of each call that are read, in their order."""
    found: dict[int, dict[int, SymbolicTensor]] = {id(call): {} for call in calls}
    for symbol in [*targets, *(source for call in calls for source in call.sources)]:
        if id(symbol.call) in found:
            found[id(symbol.call)][symbol.place] = symbol
    return {call: [symbols[place] for place in sorted(symbols)] for call, symbols in found.items()}


def names_of(structure: Any, symbols: Sequence[SymbolicTensor]) -> list[str]:
    """Returns the names of inputs or outputs: the keys of a dict, else of the layers that make them."""
    if isinstance(structure, dict) and len(structure) == len(symbols):
        return sorted(structure)
    return _all_distinct([symbol.layer.name for symbol in symbols])


def _all_distinct(names: Sequence[str]) -> list[str]:
    taken: set[str] = set()
    return [distinct(name, taken) for name in names]
