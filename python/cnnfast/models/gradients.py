"""Gradients of a model's outputs by its inputs, or by what a layer makes: what a network looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.layer import Layer
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.data import model_samples
from cnnfast.utils.nest import packed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.layers.tracing import Value
    from cnnfast.models.base import BaseModel
    from cnnfast.models.blueprint import Blueprint
    from cnnfast.models.networks import Probing


def gradients(model: BaseModel, x: Any, output: Any, wrt: Any) -> Any:
    """Returns gradients; see `Model.gradients`.

    Args:
        model: The model.
        x: The samples.
        output: What of the outputs is differentiated.
        wrt: By what.
    """
    plan = model.blueprint
    samples = model_samples(plan, x)
    place, probed = _place_of(model, wrt)
    function: Callable[[Any], Any] | None = output if callable(output) else None
    made = model._networks.probing([each.shape[1:] for each in samples], probed, function)
    if probed is not None and len(made.probes) != 1:
        raise ValueError(
            f"{wrt!r} makes {len(made.probes)} tensors in model {model.name!r}; give wrt the symbolic tensor "
            "that is meant"
        )
    zeros = [np.zeros(_shape(each, len(samples[0])), np.float32) for each in made.probes]
    given = _given_gradients(plan, made, len(samples[0]), None if function else output)
    grads, _ = made.network.vjp([*samples, *zeros], given)
    if probed is not None:
        return grads[-1]
    return packed(plan.inputs, grads) if place is None else grads[place]


def _place_of(model: BaseModel, wrt: Any) -> tuple[int | None, Layer | SymbolicTensor | None]:
    """Returns which input is meant, or what is to be probed; neither where all inputs are meant."""
    plan = model.blueprint
    if wrt is None:
        return None, None
    if isinstance(wrt, str) and wrt in plan.input_names:
        return plan.input_names.index(wrt), None
    for place, source in enumerate(plan.sources):
        if wrt is source or wrt is source.layer:
            return place, None
    found = _layer_named(model, wrt) if isinstance(wrt, str) else wrt
    if not isinstance(found, (Layer, SymbolicTensor)):
        raise ValueError(f"wrt must be a layer, its name or a symbolic tensor, got {wrt!r}")
    return None, found


def _layer_named(model: BaseModel, name: str) -> Layer:
    """Returns the layer of this name, in the model or in models in it."""
    todo = list(model.layers)
    for layer in todo:
        if layer.name == name:
            return layer
        todo.extend(getattr(layer, "layers", ()))
    return model.get_layer(name)


def _given_gradients(plan: Blueprint, made: Probing, count: int, output: Any) -> list[NDArray[np.float32]]:
    """Returns the gradient by each output of what is differentiated: sums of them, or of one class."""
    shapes = [_shape(value, count) for value in made.outputs]
    if output is None:
        return [np.ones(shape, np.float32) for shape in shapes]
    given = [np.zeros(shape, np.float32) for shape in shapes]
    if isinstance(output, str):
        if output not in plan.output_names:
            raise ValueError(f"the outputs are named {plan.output_names}, got {output!r}")
        given[plan.output_names.index(output)][...] = 1
        return given
    classes = np.asarray(output)
    if classes.dtype.kind not in "iu" or classes.shape not in ((), (count,)):
        raise ValueError(
            f"output must be a class, one for each of the {count} samples, the name of an output, or a "
            f"function of the outputs, got {output!r}"
        )
    if len(given) > 1 or len(shapes[0]) < 2:
        raise ValueError(f"classes are for one output of shape (n, ..., classes), not for {shapes}")
    most = shapes[0][-1]
    if (classes < -most).any() or (classes >= most).any():
        raise ValueError(f"there are {most} classes, from 0, got {output!r}")
    given[0][np.arange(count), ..., classes] = 1
    return given


def _shape(value: Value, count: int) -> Sequence[int]:
    return (count, *value.dims) if value.rows else value.dims
