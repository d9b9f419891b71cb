"""Models made anew: the same structure with new weights, out of a model or out of JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cnnfast.layers.input import Input, InputLayer
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.functional import Model
from cnnfast.models.registry import layer_from_config
from cnnfast.models.sequential import Sequential
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.nest import leaves, mapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cnnfast.layers.layer import Layer

    LayerFunction = Callable[[Layer], Layer]


def clone_model(
    model: Model | Sequential,
    input_tensors: Any = None,
    clone_function: LayerFunction | None = None,
    call_function: None = None,
    recursive: bool = False,
) -> Model | Sequential:
    """Returns a model of the same structure, with new layers and new weights; it is not compiled.

    Args:
        model: What is cloned; one with a `call` of its own needs `get_config`.
        input_tensors: Where the clone begins, as `model.input` has it; None makes new inputs.
        clone_function: Makes the layer that stands for a layer, which may be the same one, and so share its
            weights; None makes an equal one from its configuration.
        call_function: Not offered; must be None.
        recursive: Whether the layers of models within it go through `clone_function`, too.

    Raises:
        ValueError: If a layer has no configuration, or shapes do not fit.

    Source:
        Keras 3, `keras.models.clone_model`.

    Example:
        >>> from cnnfast.layers import Dense
        >>> model = Sequential([Dense(2, input_shape=(3,))])
        >>> clone_model(model).count_params()
        8
    """
    not_offered("clone_model", call_function=(call_function, None))
    make = _within(clone_function or _same, clone_function if recursive else None)
    if isinstance(model, Sequential):
        return _cloned_sequence(model, input_tensors, make)
    if model._has_call:
        if clone_function is not None or input_tensors is not None:
            raise ValueError(
                f"model {model.name!r} ({type(model).__name__}) is what its `call` says; it is cloned from "
                "its get_config, without clone_function and input_tensors"
            )
        return type(model).from_config(model.get_config())
    return _cloned_graph(model, input_tensors, make)


def _same(layer: Layer) -> Layer:
    if isinstance(layer, (Model, Sequential)):
        return clone_model(layer)
    return type(layer).from_config(layer.get_config())


def _within(make: LayerFunction, in_models: LayerFunction | None) -> LayerFunction:
    """Returns what clones each layer once, models by the layers in them where that is wanted."""
    made: dict[int, Layer] = {}

    def clone(layer: Layer) -> Layer:
        if id(layer) not in made:
            inner = in_models is not None and isinstance(layer, (Model, Sequential))
            made[id(layer)] = (
                clone_model(layer, None, in_models, None, True) if inner else make(layer)  # type: ignore[arg-type]
            )
        return made[id(layer)]

    return clone


def _cloned_sequence(model: Sequential, input_tensors: Any, make: LayerFunction) -> Model | Sequential:
    layers = [make(layer) for layer in model.layers]
    if input_tensors is not None:
        (source,) = leaves(input_tensors)
        begin = source
        for layer in layers:
            source = layer(source)
        return Model(begin, source, name=model.name)
    begins = [InputLayer(model.input.shape[1:])] if model.built else []
    return Sequential([*begins, *layers], name=model.name)


def _cloned_graph(model: Model, input_tensors: Any, make: LayerFunction) -> Model:
    plan = model.blueprint
    begins = [Input(source.shape[1:], name=source.layer.name) for source in plan.sources]
    if input_tensors is not None:
        begins = leaves(input_tensors)
    if len(begins) != len(plan.sources):
        raise ValueError(f"model {model.name!r} has {len(plan.sources)} inputs, got {len(begins)}")
    symbols: list[SymbolicTensor] = list(begins)
    for node in plan.nodes[len(begins) :]:
        sources = iter([symbols[place] for place in node.sources])

        def placed(each: Any, sources: Any = sources) -> Any:
            return next(sources) if isinstance(each, SymbolicTensor) else each

        args, kwargs = mapped(placed, (node.call.args, node.call.kwargs or {}))
        symbols.extend(leaves(make(node.layer)(*args, **kwargs)))
    inputs = mapped(lambda source: symbols[plan.place_of(source)], plan.inputs)
    outputs = mapped(lambda target: symbols[plan.place_of(target)], plan.outputs)
    return Model(inputs, outputs, name=model.name)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model | Sequential:
    """Returns the model whose structure `model.to_json()` wrote, with new weights; it is not compiled.

    Args:
        json_string: The text.
        custom_objects: Classes and functions of your own that it names, by these names.

    Raises:
        ValueError: If it is no text of this kind, or names a class that the package does not have.

    Source:
        Keras 3, `keras.models.model_from_json`.

    Example:
        >>> from cnnfast.layers import Dense
        >>> model_from_json(Sequential([Dense(2, input_shape=(3,))]).to_json()).output_shape
        (None, 2)
    """
    try:
        entry = json.loads(json_string)
        with custom_object_scope(custom_objects):
            model = layer_from_config(entry)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"this is no model that to_json wrote: {type(error).__name__}: {error}") from None
    if not isinstance(model, (Model, Sequential)):
        raise ValueError(f"this is a {type(model).__name__}, no model")
    return model
