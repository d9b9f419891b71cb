"""Models that are any graph from one input to one output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from cnnfast.layers.layer import Layer, new_name
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.base import BaseModel
from cnnfast.models.blueprint import Blueprint
from cnnfast.models.called import CalledBlueprint, Shape
from cnnfast.models.registry import each_layer_once, layer_from_config, layer_to_config
from cnnfast.utils.arguments import batch_shape
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.nest import leaves, mapped
from cnnfast.utils.samples import check_samples
from cnnfast.utils.serialization import snake_case

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from cnnfast.layers.tracing import Tracing
    from cnnfast.models.blueprint import Node
    from cnnfast.utils.serialization import Config

_SOURCE = "source"  # {"source": 2} stands for the call's third symbolic tensor


class ModelOptions(TypedDict, total=False):
    """Arguments that models take by keyword.

    Attributes:
        trainable: Whether training changes any layer.
    """

    trainable: bool


class Model(BaseModel, builds_once=False):
    """A graph of layers from inputs to outputs, or what the `call` of your own subclass makes of inputs.

    A subclass makes its layers in `__init__`, or weights and layers in a `build(self, input_shape)` that is
    asked before the first use, and uses them in `call(self, inputs, training=None)`, which is traced once for
    each shape of its inputs; give `super().__init__` no inputs then.

    Layers may be in several models, and in several places of one; a model may be called on a symbolic tensor
    like a layer. Wherever a layer is, it has the same weights.

    Args:
        inputs: What `Input` returned (or, to cut a model out of another, what a layer returned); a list,
            tuple or dict of several. None for a subclass with `call`.
        outputs: What the last layers returned, likewise.
        name: The model's name; None makes one up.
        options: `trainable`: whether training changes any layer.

    Raises:
        ValueError: If one of them is not symbolic, or they are not connected.

    Source:
        Keras 3, `keras.Model`.

    Example:
        >>> from cnnfast.layers import Dense, Input, add
        >>> x = Input((4,))
        >>> model = Model(x, Dense(2)(add([x, Dense(4, activation="relu")(x)])))
        >>> model.output_shape, model.count_params()
        ((None, 2), 30)
    """

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        called = inputs is None and outputs is None and type(self).call is not Layer.call
        kind = snake_case(type(self).__name__) if called else "functional"
        super().__init__(new_name(kind) if name is None else name)
        if not called:
            _check_symbolic(inputs, "inputs")
            _check_symbolic(outputs, "outputs")
            self._blueprint = Blueprint(inputs, outputs)
        if not options.get("trainable", True):
            self.trainable = False

    # -- with a `call` of its own ------------------------------------------------------------------------

    @property
    def _has_call(self) -> bool:
        return self._blueprint is None or isinstance(self._blueprint, CalledBlueprint)

    @property
    def _has_own_build(self) -> bool:
        return type(self).build is not Model.build

    @property
    def layers(self) -> list[Layer]:
        """The layers in order; of a model with `call` those that are its attributes."""
        return list({id(e): e for e in self._sublayers()}.values()) if self._has_call else super().layers

    def _trace(self, graph: Tracing, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._has_call:
            return Layer._trace(self, graph, args, kwargs)
        return super()._trace(graph, args, kwargs)

    def _build_for(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], shapes: Sequence[tuple[int, ...]]
    ) -> None:
        """Asks a `build` of its own; its layers build themselves when they are called."""
        if self._has_own_build:
            Layer._build_for(self, args, kwargs, shapes)

    def build(self, input_shape: Any) -> None:
        """Tells the shapes of inputs, batch axis first, to a model with `call`; others know theirs."""
        if not self._has_call:
            super().build(input_shape)
        elif self._blueprint is None and (self._built or not self._has_own_build):
            self._blueprint = CalledBlueprint(self, _shapes_of(input_shape))

    def _note_build(self, *args: Any, **kwargs: Any) -> None:
        """Describes the model when all that its `build` makes is there, wherever that calls ours."""
        try:
            Model.build(self, *args, **kwargs)
        except BaseException:
            self._drop_shape()
            raise

    def _take_shape_of(self, x: Any) -> bool:
        self.build(mapped(lambda each: (None, *check_samples(each, None, "x").shape[1:]), x))
        return True

    def _drop_shape(self) -> None:
        self._blueprint, self._built = None, False
        self._forget_networks()

    # -- configuration -----------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Returns what makes a model of the same structure, without its weights.

        Of a model with `call` it is the name, for a `get_config` of its own to add arguments to.

        Raises:
            ValueError: If a model with `call` has no such: that is code, which no configuration holds.
        """
        if self._has_call:
            if type(self).get_config is not Model.get_config:
                return {"name": self.name}
            raise ValueError(
                f"model {self.name!r} ({type(self).__name__}) is what its `call` says, which is code: define "
                "get_config, or save the weights alone with save_weights"
            )
        with each_layer_once():
            listed = [layer_to_config(layer) for layer in self.blueprint.layers]
        return {"name": self.name, "layers": listed, **wiring(self.blueprint)}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes the model that `config` describes, with new weights.

        Args:
            config: What `get_config` returned; of a subclass with a `get_config` of its own its arguments.
            custom_objects: Code of your own, by the names that it has there.
        """
        if "layers" not in config or "nodes" not in config:
            return cls(**config)
        with custom_object_scope(custom_objects), each_layer_once():
            layers = [layer_from_config(entry) for entry in config["layers"]]
            return cls(*wired(layers, config), name=config["name"])


def wiring(plan: Blueprint) -> Config:
    """Returns which of a graph's layers takes what, and where the graph begins and ends, in numbers.

    Example:
        >>> from cnnfast.layers import Dense, Input
        >>> x = Input((4,))
        >>> wiring(Blueprint(x, Dense(2)(x)))["nodes"]
        [{'layer': 0, 'sources': []}, {'layer': 1, 'sources': [0]}]
    """
    places = {layer.name: place for place, layer in enumerate(plan.layers)}
    return {
        "nodes": [
            {"layer": places[n.layer.name], "sources": list(n.sources), **_form_of(n)} for n in plan.nodes
        ],
        "inputs": mapped(plan.place_of, plan.inputs),
        "outputs": mapped(plan.place_of, plan.outputs),
    }


def wired(layers: Sequence[Layer], config: Config) -> tuple[Any, Any]:
    """Calls layers as `wiring` told; returns where the graph begins and ends.

    Example:
        >>> from cnnfast.layers import Dense, InputLayer
        >>> nodes = [{"layer": 0, "sources": []}, {"layer": 1, "sources": [0]}]
        >>> wired([InputLayer((4,)), Dense(2)], {"nodes": nodes})[1].shape
        (None, 2)
    """
    symbols: list[SymbolicTensor] = []
    for node in config["nodes"]:
        layer, sources = layers[node["layer"]], [symbols[place] for place in node["sources"]]
        if not sources:
            symbols.append(layer.output)
            continue
        args, kwargs = _arguments(node, sources, layer.joins)
        symbols.extend(leaves(layer(*args, **kwargs)))
    inputs, outputs = (
        mapped(symbols.__getitem__, config.get(name, otherwise))
        for name, otherwise in (("inputs", 0), ("outputs", len(symbols) - 1))
    )
    return inputs, outputs


def _form_of(node: Node) -> Config:
    """Returns how the layer was called, unless it was on one tensor, or on a list where it joins some."""
    call, sources = node.call, list(node.call.sources)
    simple = call.args == ((sources,) if node.layer.joins else tuple(sources[:1]))
    if not sources or (simple and len(sources) == len(leaves(call.args)) and not call.kwargs):
        return {}
    numbers = iter(range(len(sources)))
    placed = mapped(
        lambda each: {_SOURCE: next(numbers)} if isinstance(each, SymbolicTensor) else each,
        (list(call.args), call.kwargs or {}),
    )
    return {"args": placed[0], "kwargs": placed[1]}


def _arguments(node: Config, sources: list[SymbolicTensor], joins: bool) -> tuple[Any, Any]:
    if "args" not in node:
        return ((sources,) if joins else (sources[0],)), {}

    def given(each: Any) -> Any:
        if isinstance(each, dict):
            if set(each) == {_SOURCE}:
                return sources[each[_SOURCE]]
            return {name: given(value) for name, value in each.items()}
        return [given(one) for one in each] if isinstance(each, list) else each

    return tuple(given(node["args"])), given(node["kwargs"])


def _shapes_of(input_shape: Any) -> Any:
    """Returns the shape of one sample where shapes of batches stand: one, or a structure of them."""
    if isinstance(input_shape, dict):
        return {name: _shapes_of(shape) for name, shape in input_shape.items()}
    if all(isinstance(each, (list, tuple)) for each in input_shape):
        return type(input_shape)(map(_shapes_of, input_shape))
    return Shape(batch_shape(input_shape)[1])


def _check_symbolic(structure: Any, name: str) -> None:
    listed = leaves(structure)
    if not listed:
        raise ValueError(f"{name} must list at least one of what Input or layers returned")
    for each in listed:
        if not isinstance(each, SymbolicTensor):
            raise ValueError(f"{name} must be what Input or a layer returned, got {each!r}")
