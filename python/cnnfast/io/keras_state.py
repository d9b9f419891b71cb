"""Where Keras's files have weights and what optimizers keep.

A layer's weights stand by its kind and number among its neighbours: "layers/conv2d_1/vars/0" is the first
weight of the second convolution. Layers that are attributes of a layer or model of one's own stand by these:
"head/vars/0". An optimizer's variables stand in the order in which Keras makes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnfast.layers.layer import Layer
from cnnfast.models.base import BaseModel
from cnnfast.models.functional import Model
from cnnfast.optimizers import Adafactor, Nadam
from cnnfast.utils.serialization import snake_case

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.layers.variable import Variable
    from cnnfast.optimizers import Optimizer

Listing = Callable[[BaseModel], Sequence["Layer"]]

_OTHERWISE = {"InstanceNormalization": "GroupNormalization"}  # classes of ours that others of Keras's are
_LINE = 16  # floats of a cache line, on which each weight's numbers begin in the core's buffers


class Place(NamedTuple):
    """A layer's own weights.

    Attributes:
        path: The group that has them.
        variables: They, in order.
    """

    path: str
    variables: list[Variable]


def weight_places(model: BaseModel, listing: Listing) -> list[Place]:
    """Returns where the weights of a model's layers stand, each layer once.

    Args:
        model: The model.
        listing: Returns the layers of a model in Keras's order.

    Example:
        >>> from cnnfast import Input, Sequential, layers
        >>> model = Sequential([Input((2,)), layers.Dense(3), layers.Dense(1)])
        >>> [place.path for place in weight_places(model, lambda each: each.layers)]
        ['layers/dense/vars', 'layers/dense_1/vars']
    """
    paths = {id(layer): path for path, layer in _walk(model, listing, _by_name)}
    ordered = [layer for _, layer in _walk(model, listing, list)]
    return [Place(f"{paths[id(layer)]}vars", list(layer._weights)) for layer in ordered if layer._weights]


def _walk(layer: Layer, listing: Listing, ordered: Any) -> Iterator[tuple[str, Layer]]:
    """Layers and the groups that they stand in, each layer once: in the first place where it is met."""
    seen: set[int] = set()

    def walk(layer: Layer, path: str) -> Iterator[tuple[str, Layer]]:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        yield path, layer
        for attribute in ordered(_attributes(layer, listing)):
            for name, each in _held(*attribute):
                yield from walk(each, f"{path}{name}/")

    return walk(layer, "")


def _attributes(layer: Layer, listing: Listing) -> list[tuple[str, Any]]:
    """Where its layers are: a list of a graph or chain; attributes; of a model that is code, both."""
    if isinstance(layer, BaseModel) and not (isinstance(layer, Model) and layer._has_call):
        return [("layers", listing(layer))]
    own = list(vars(layer).items())
    held = [each for attribute in own for _, each in _held(*attribute)]
    return [*own, ("layers", held)] if isinstance(layer, BaseModel) else own


def _by_name(attributes: Any) -> list[tuple[str, Any]]:
    """As Keras visits them to name groups, the private ones last; it lists variables as they were set."""
    return sorted(attributes, key=lambda each: (each[0].startswith("_"), each[0]))


def _held(name: str, value: Any) -> Iterator[tuple[str, Layer]]:
    """An attribute that is a layer, or those in its lists and dicts, which stand by their kind and number."""
    if isinstance(value, Layer):
        yield name, value
    elif isinstance(value, (list, tuple, dict)):
        numbers: Counter[str] = Counter()
        for each in value.values() if isinstance(value, dict) else value:
            if not isinstance(each, (Layer, list, tuple, dict)):
                continue
            kind = _kind(each) if isinstance(each, Layer) else "container"
            yield from _held(f"{name}/{_numbered(kind, numbers)}", each)


def _numbered(kind: str, numbers: Counter[str]) -> str:
    number = numbers[kind]
    numbers[kind] += 1
    return f"{kind}_{number}" if number else kind


def _kind(layer: Layer) -> str:
    return "functional" if type(layer) is Model else snake_case(keras_class(layer))


def keras_class(layer: Layer) -> str:
    """Returns the class that a layer is in Keras."""
    own = type(layer).__name__
    return _OTHERWISE.get(own, own)


# -- optimizers ------------------------------------------------------------------------------------------

# How Keras groups what is kept for weights: those of one group stand together for each weight.
_GROUPS: dict[str, list[int]] = {
    "SGD": [1],
    "Adam": [2, 1],
    "AdamW": [2, 1],
    "RMSprop": [1, 1, 1],
    "Adagrad": [1],
    "Adadelta": [2],
    "Adamax": [2],
    "Nadam": [2],
    "Lion": [1],
    "Ftrl": [2],
}


def optimizer_arrays(model: BaseModel, moved: Sequence[Variable]) -> list[NDArray[Any]] | None:
    """Returns what Keras's optimizer of the same name has in its variables; None for one that it lacks.

    Args:
        model: A compiled model.
        moved: The weights that training changes, in Keras's order.
    """
    optimizer = model.optimizer
    step = model.network.step
    rate = [] if optimizer._follows_schedule else [np.float32(optimizer.learning_rate)]
    begin = [np.asarray(step, np.int32), *map(np.asarray, rate)]
    if optimizer._is_traced:
        return [
            *begin,
            *(np.zeros(shape) if own is None else own.numpy() for own, shape in _slots(optimizer)),
        ]
    if type(optimizer).__name__ not in _GROUPS:
        return None
    state = list(model.network.optimizer_state().values())
    spans = _spans(model, moved)
    arrays = [
        state[slot][begin:end].reshape(v.shape)
        for slot, v in _order(optimizer, moved, state)
        for begin, end in [spans[id(v)]]
    ]
    if isinstance(optimizer, Nadam):
        arrays.append(np.asarray(_product_of_nadam(optimizer, step), np.float32))
    return begin + arrays


def set_optimizer(model: BaseModel, moved: Sequence[Variable], arrays: Sequence[NDArray[Any]]) -> bool:
    """Sets what an optimizer keeps from the variables of Keras's; returns whether they suit it.

    Args:
        model: A compiled model.
        moved: The weights that training changes, in Keras's order.
        arrays: Keras's variables.
    """
    optimizer, rest = model.optimizer, list(arrays)
    if not rest:
        return False
    step = int(rest.pop(0))
    if not optimizer._follows_schedule:
        if not rest or rest[0].shape != ():
            return False
        optimizer.learning_rate = float(rest.pop(0))
    if not rest and step == 0:  # it has moved nothing yet
        return True
    if optimizer._is_traced:
        slots = _slots(optimizer)
        if [shape for _, shape in slots] != [each.shape for each in rest]:
            return False
        for (own, _), value in zip(slots, rest, strict=True):
            if own is not None:
                own.assign(value)
        optimizer._iterations.assign(step)
        model.network.set_optimizer_state(model.network.optimizer_state(), step)
        return True
    product = rest.pop() if isinstance(optimizer, Nadam) else None
    names, state = list(model.network.optimizer_state()), list(model.network.optimizer_state().values())
    order = list(_order(optimizer, moved, state)) if type(optimizer).__name__ in _GROUPS else []
    if [v.shape for _, v in order] != [each.shape for each in rest]:
        return False
    spans = _spans(model, moved)
    for (slot, variable), value in zip(order, rest, strict=True):
        begin, end = spans[id(variable)]
        state[slot][begin:end] = value.reshape(-1)
    if product is not None:
        state[2][:] = product
    model.network.set_optimizer_state(dict(zip(names, state, strict=True)), step)
    return True


def _slots(optimizer: Any) -> list[tuple[Variable | None, tuple[int, ...]]]:
    """The variables of an optimizer that is traced, and shapes; None for what Keras makes without use."""
    if not isinstance(optimizer, Adafactor):
        return [(own, own.shape) for own in optimizer._own]
    kept = [each for squares in optimizer._squares for each in squares]
    slots: list[tuple[Variable | None, tuple[int, ...]]]
    slots = [(own, own.shape) for own in optimizer._own[: len(optimizer._own) - len(kept)]]
    for squares, weight in zip(optimizer._squares, optimizer._trainable_variables, strict=True):
        own = [(each, each.shape) for each in squares]
        slots += [*own, (None, weight.shape)] if len(own) > 1 else [(None, ()), (None, ()), *own]
    return slots


def _product_of_nadam(optimizer: Any, steps: int) -> float:
    """What Nadam multiplied up in its steps: one number in Keras, here one for each of a weight."""
    powers = 0.96 ** np.arange(1, steps + 1)
    return float(np.prod(optimizer.beta_1 * (1.0 - 0.5 * powers)))


def _order(
    optimizer: Optimizer, moved: Sequence[Variable], state: Sequence[Any]
) -> Iterator[tuple[int, Variable]]:
    """Slots and weights as Keras's variables stand: averages, sums of gradients, then its own by groups."""
    extra = [bool(optimizer.gradient_accumulation_steps), optimizer.use_ema]
    own = len(state) - sum(extra)
    if optimizer.use_ema:
        yield from ((len(state) - 1, variable) for variable in moved)
    if optimizer.gradient_accumulation_steps:
        yield from ((own, variable) for variable in moved)
    first = 0
    for count in _GROUPS[type(optimizer).__name__]:
        slots = range(first, min(first + count, own))
        yield from ((slot, variable) for variable in moved for slot in slots)
        first += count


def _spans(model: BaseModel, moved: Sequence[Variable]) -> dict[int, tuple[int, int]]:
    """Where the numbers of each weight are in the core's buffers."""
    spans, at = {}, 0
    for weight in model.network.weights:
        spans[id(weight)] = (at, at + weight.size)
        at += -(-weight.size // _LINE) * _LINE
    return spans
