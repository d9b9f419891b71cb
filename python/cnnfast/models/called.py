"""The structure of a model that defines `call`: traced for each shape of its inputs, and for training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

from cnnfast.layers.input import InputLayer
from cnnfast.layers.symbolic import Call, SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value
from cnnfast.models.blueprint import Blueprint, Described, Node, names_of
from cnnfast.utils.nest import leaves, mapped, packed

if TYPE_CHECKING:
    from cnnfast.layers.layer import Layer
    from cnnfast.models.blueprint import Dims


class _OwnCall(Call):
    """The use of a model that it keeps itself: holding the model, it would keep it from being freed."""

    def __init__(self, model: Layer, args: tuple[Any, ...]) -> None:
        self._model, self.args, self.kwargs = ref(model), args, None

    @property
    def layer(self) -> Layer:
        """The model."""
        model = self._model()
        assert model is not None, "only the model asks"
        return model


class CalledBlueprint(Blueprint):
    """A model as its `call` says, for inputs of the shapes that it met first, and of others.

    Args:
        model: The model.
        shapes: The shape of each input for one sample: one, or a list, tuple or dict of them, each in a
            `Shape`.

    Raises:
        ValueError: If `call` does not take inputs of these shapes.
    """

    fixed = False

    def __init__(self, model: Layer, shapes: Any) -> None:
        self.inputs = mapped(lambda shape: InputLayer(shape.dims).output, shapes)
        self.sources = leaves(self.inputs)
        self.input_names = names_of(self.inputs, self.sources)
        own = self._own = _OwnCall(model, (self.inputs,))
        self._example, made = self._traced(self.shapes, False)
        graph = self._example.graph
        places = iter(range(len(self._example.outputs)))
        self.outputs = mapped(lambda value: SymbolicTensor.like((value.dims,), own, next(places)), made)
        self.targets = leaves(self.outputs)
        self.output_names = names_of(self.outputs, self.targets)
        self._graph = graph
        self.nodes = [Node(source.call, (source,), (), 0) for source in self.sources]
        for layer, shapes, work in graph.calls:
            call = Call(layer)
            symbols = [SymbolicTensor.like((dims,), call, i) for i, dims in enumerate(shapes)]
            self.nodes.append(Node(call, tuple(symbols), (), work))

    def _traced(self, shapes: Sequence[Dims], training: bool) -> tuple[Described, Any]:
        graph = Tracing(training)
        inputs = [
            graph.value(graph.input(shape, name))
            for shape, name in zip(shapes, self.input_names, strict=True)
        ]
        made = self._own.layer._trace(graph, (packed(self.inputs, inputs),), {})
        return Described(graph, leaves(made)), made

    def trace(self, graph: Tracing, inputs: Sequence[Value]) -> list[Value]:
        """Adds the model to a graph, given the values of its inputs there; returns those of its outputs."""
        return leaves(self._own.layer._trace(graph, (packed(self.inputs, inputs),), {}))

    def shown(self) -> Any:
        """Returns the outputs as others may keep them: they hold the model."""
        call = Call(self._own.layer, self._own.args)
        return mapped(lambda each: SymbolicTensor.like(each.examples, call, each.place), self.outputs)

    def describe(self, shapes: Sequence[Dims], training: bool) -> Described:
        """Returns the model for samples of these shapes."""
        if not training and list(shapes) == self.shapes:
            return self._example
        return self._traced(shapes, training)[0]


class Shape:
    """A shape where a structure has leaves: a tuple by itself would be a structure."""

    def __init__(self, dims: Dims) -> None:
        self.dims = dims
