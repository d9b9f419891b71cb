"""Configurations of our models as Keras has them: chains, graphs, and what code makes of its inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.io.keras_steps import (
    NotWrittenError,
    Step,
    entry_of,
    input_of,
    named,
    steps_of,
    told,
    words_arguments,
)
from cnnfast.layers.layer import Layer
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.base import BaseModel
from cnnfast.models.functional import Model
from cnnfast.models.order import layer_order
from cnnfast.models.sequential import Sequential
from cnnfast.utils.nest import mapped
from cnnfast.utils.warn import warn

if TYPE_CHECKING:
    from cnnfast.models.blueprint import Node
    from cnnfast.utils.serialization import Config


class Writing:
    """Makes configurations.

    Attributes:
        listed: By `id` of a model, its layers in the order in which Keras will have them.
    """

    def __init__(self) -> None:
        self.listed: dict[int, list[Layer]] = {}
        self._graphs: dict[int, Model] = {}

    def model(self, model: BaseModel) -> Config:
        """Returns the configuration of a model.

        Raises:
            NotWrittenError: If Keras lacks a layer, or an argument of one.
        """
        if type(model) is Sequential:
            return entry_of("keras", "Sequential", self._chain(model))
        graph = self.written(model)
        if type(graph) is Model:
            return entry_of("keras.src.models.functional", "Functional", self._graph(graph))
        raise NotWrittenError(
            f"model {model.name!r} is a {type(model).__name__}, a class that Keras's files do not hold; "
            "make a Model of its inputs and outputs"
        )

    def _chain(self, model: Sequential) -> Config:
        plan = model.blueprint
        listed = [input_of(plan.sources[0].layer, plan.sources[0])]
        for node in plan.nodes[1:]:
            steps = self._steps(node, model)
            if any(".ops." in step.entry["module"] for step in steps):
                raise NotWrittenError(
                    f"{told(node.layer)}: in a chain Keras has no borders of this kind; make a Model "
                    "of inputs and outputs"
                )
            listed.extend(step.entry for step in steps)
        self.listed[id(model)] = model.layers
        return {"name": model.name, "trainable": model.trainable, "layers": listed}

    def _graph(self, model: Model) -> Config:
        graph = _Graph()
        plan = model.blueprint
        for node in plan.nodes:
            graph.add(node, [] if not node.sources else self._steps(node, model))
        ends = {
            name: mapped(lambda each: graph.history(plan.place_of(each)), value)
            for name, value in (("input_layers", plan.inputs), ("output_layers", plan.outputs))
        }
        self.listed[id(model)] = graph.in_keras_order([plan.place_of(each) for each in plan.targets])
        return {
            "name": model.name,
            "trainable": model.trainable,
            "layers": list(graph.entries.values()),
            **ends,
        }

    def _steps(self, node: Node, model: BaseModel) -> list[Step]:
        layer = node.layer
        if (node.call.kwargs or {}).get("training") is not None:
            warn(f"{told(layer)} is called with training= of its own; in Keras it follows the model's calls")
        steps = None if isinstance(layer, BaseModel) else steps_of(node)
        if steps is not None:
            return steps
        graph = self.written(layer, node.call.args)
        return [Step(named(self.model(graph), layer.name), graph)]

    def written(self, layer: Layer, args: Any = None) -> BaseModel:
        """Returns the graph that stands for a layer or model that is code; other models as they are.

        Args:
            layer: The layer or model.
            args: What it is called with; None: a model's inputs.

        Raises:
            NotWrittenError: If its code does more than to call layers and words of `cnnfast.ops`.
        """
        if isinstance(layer, BaseModel) and not (isinstance(layer, Model) and layer._has_call):
            return layer
        if id(layer) not in self._graphs:
            self._graphs[id(layer)] = _graph_of(layer, args)
        return self._graphs[id(layer)]


def _graph_of(layer: Layer, args: Any) -> Model:
    """A graph of what the code of a layer or model calls, which is run once on symbols."""
    if isinstance(layer, BaseModel) and layer._weights:
        raise NotWrittenError(
            f"{told(layer)} is a model with weights of its own, which Keras's files hold beside no graph; "
            "make them weights of a layer of your own, written by its name, or save the weights alone"
        )
    given = (layer.blueprint.inputs,) if args is None and isinstance(layer, BaseModel) else args
    ours = type(layer).__module__.startswith("cnnfast.") and not isinstance(layer, layers.Lambda)
    if ours or type(layer).call is Layer.call or layer._weights or len(given) != 1:
        raise _not_written(layer, "it is no layer of Keras's")
    inputs = mapped(lambda each: layers.Input(each.shape[1:]), given[0])
    try:
        return Model(inputs, layer.call(inputs), layer.name)
    except Exception as error:  # whatever its code comes to
        raise _not_written(layer, str(error)) from error


def _not_written(layer: Layer, why: str) -> NotWrittenError:
    return NotWrittenError(
        f"{told(layer)} is a layer that Keras's files do not hold: {why}. In its place, use layers of "
        "Keras's and words of cnnfast.ops, or save the weights alone"
    )


# -- graphs --------------------------------------------------------------------------------------------------


class _Graph:
    """The layers and nodes of Keras's that a graph of ours becomes."""

    def __init__(self) -> None:
        self.entries: dict[str, Config] = {}
        self._values: list[tuple[list[Any], SymbolicTensor, int]] = []  # history, tensor, node
        self._layers: list[str] = []  # of nodes
        self._sources: list[list[int]] = []  # of nodes
        self._ours: dict[str, Layer] = {}
        self._counts: Counter[str] = Counter()
        self._made: tuple[list[Any], SymbolicTensor]  # what stands before a layer makes for it

    def add(self, node: Node, steps: Sequence[Step]) -> None:
        """Adds what a node becomes."""
        if not steps:
            self._place(Step(input_of(node.layer, node.symbols[0]), node.layer), [], None)
        for number, step in enumerate(steps):
            last = number == len(steps) - 1
            args, kwargs = node.call.args, node.call.kwargs or {}
            if isinstance(step.layer, layers.Operation):
                args, kwargs = words_arguments(step.layer, node), {}
            sources = list(node.sources)
            told = mapped(self._told, (list(args), kwargs))
            if number:  # what stands before it has made its input
                told, sources = ([self._tensor(*self._made)], {}), []
            elif not last:
                told = ([told[0][0], *step.also], {})
            inbound = {"args": told[0], "kwargs": told[1]}
            before = [self._values[place][2] for place in sources] or (
                [len(self._layers) - 1] if number else []
            )
            self._place(step, before, inbound)
            self._made = ([step.entry["name"], self._counts[step.entry["name"]] - 1, 0], node.call.sources[0])
        for symbol in node.symbols:
            name = self._layers[-1]
            self._values.append(([name, self._counts[name] - 1, symbol.place], symbol, len(self._layers) - 1))

    def _place(self, step: Step, before: list[int], inbound: Config | None) -> None:
        name = step.entry["name"]
        entry = self.entries.setdefault(name, {**step.entry, "inbound_nodes": []})
        if inbound is not None:
            entry["inbound_nodes"].append(inbound)
        self._counts[name] += 1
        self._layers.append(name)
        self._sources.append(before)
        if step.layer is not None:
            self._ours[name] = step.layer

    def _told(self, value: Any) -> Any:
        if not isinstance(value, SymbolicTensor):
            return value
        history = next(h for h, symbol, _ in self._values if _same(symbol, value))
        return self._tensor(history, value)

    def _tensor(self, history: list[Any], symbol: SymbolicTensor) -> Config:
        shape = list(symbol.shape)
        config = {"shape": shape, "dtype": "float32", "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}

    def history(self, place: int) -> list[Any]:
        """Returns layer, node and output that make a value."""
        return self._values[place][0]

    def in_keras_order(self, targets: Sequence[int]) -> list[Layer]:
        """Returns our layers in the order in which Keras has the layers of this graph."""
        names = list(dict.fromkeys(self._layers))
        numbers = [names.index(name) for name in self._layers]
        order = layer_order(numbers, self._sources, [self._values[place][2] for place in targets])
        return [self._ours[names[number]] for number in order if names[number] in self._ours]


def _same(one: SymbolicTensor, other: SymbolicTensor) -> bool:
    return one.call is other.call and one.place == other.place
