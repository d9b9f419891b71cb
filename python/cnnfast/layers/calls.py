"""What happens when a layer is called: on symbolic tensors, on arrays, and while a graph is traced."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import next_seed
from cnnfast.layers.symbolic import Call, Dims, SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value
from cnnfast.tuning import new_network
from cnnfast.utils.arguments import batch_shape
from cnnfast.utils.nest import leaves, mapped, packed
from cnnfast.utils.samples import check_samples

if TYPE_CHECKING:
    from cnnfast._core import Network
    from cnnfast.layers.layer import Layer

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Shape = tuple[int | None, ...]

_PLACE = np.empty(0, np.float32)  # stands where an array will be

_changes = count(1)
_latest = 0  # of all layers' changes


def next_change() -> int:
    """Returns a number above those of all changes before.

    Example:
        >>> next_change() < next_change()
        True
    """
    global _latest
    _latest = next(_changes)
    return _latest


class Alone:
    """What runs a layer on arrays.

    Args:
        key: The shapes and other arguments that it is for.
        network: The network.
        form: What the call returns, without the arrays in it.
        draws: Whether there are random numbers of the process's seed in it.
        draws_by_own_seed: Whether there are some of a layer's seed.
        seen: The last of all changes of layers of which it is known that it is none of this one's.
    """

    def __init__(
        self, key: str, network: Network, form: Any, draws: bool, draws_by_own_seed: bool, seen: int
    ) -> None:
        self.network, self.form = network, form
        self.draws, self.draws_by_own_seed = draws, draws_by_own_seed
        self._key, self._seen = key, seen

    def suits(self, key: str, layer: Layer) -> bool:
        """Whether it computes what the layer would."""
        if self._key != key:
            return False
        latest = _latest
        if self._seen != latest:  # else there is no need to look into the layer, which takes a while
            if layer._last_change() > self._seen:
                return False
            self._seen = latest
        return True


def call_layer(layer: Layer, args: Args, kwargs: Kwargs) -> Any:
    """Does what `Layer.__call__` says."""
    tensors = [each for each in leaves((args, kwargs)) if isinstance(each, (Value, SymbolicTensor))]
    if not tensors:
        return _run(layer, args, kwargs)
    values = [each for each in tensors if isinstance(each, Value)]
    if not values:
        with telling_how_shapes_came(lambda: max(map(_way_to, tensors), key=len)):
            return _connect(layer, args, kwargs)
    if len(values) < len(tensors):
        raise ValueError(f"layer {layer.name!r} was called on a symbolic tensor while it is traced")
    graph = values[0].graph
    graph.check_batches()
    with telling_how_shapes_came(lambda: [(each.name, made[0]) for each, made, _ in graph.calls]):
        layer._build_for(args, kwargs, [value.dims for value in values])
        return graph.call(layer, args, kwargs)


_SO_FAR = "Shapes up to there: "
_MOST_TOLD = 8


@contextmanager
def telling_how_shapes_came(way: Callable[[], list[tuple[str, Shape]]]) -> Iterator[None]:
    """Within it errors say which layers made which shapes before.

    Args:
        way: Makes the list of them.
    """
    try:
        yield
    except ValueError as error:
        if type(error) is ValueError and _SO_FAR not in str(error) and (layers := way()):
            told = [f"{name} {dims}" for name, dims in layers]
            if len(told) > _MOST_TOLD:
                told = [told[0], "...", *told[-_MOST_TOLD + 2 :]]
            error.args = (f"{str(error).rstrip('.')}. {_SO_FAR}{' -> '.join(told)}",)
        raise


def _way_to(symbol: Any) -> list[tuple[str, Shape]]:
    way: list[SymbolicTensor] = [symbol]
    while way[-1].sources:
        way.append(way[-1].sources[0])
    return [(each.layer.name, each.shape[1:]) for each in reversed(way)]


def single(layer: Layer, args: Args, kwargs: Kwargs) -> Any:
    """Returns the one argument of a layer without `call`, besides `training`.

    Raises:
        ValueError: If there are others, or it is not a list where the layer joins branches.
    """
    given = [*args, *(value for name, value in kwargs.items() if name not in ("training", "mask"))]
    if len(given) != 1 or isinstance(given[0], (list, tuple)) != layer.joins:
        wants = "a list of what Input or other layers returned" if layer.joins else "one input"
        got = type(given[0]).__name__ if len(given) == 1 else f"{len(given)} arguments"
        raise ValueError(f"layer {layer.name!r} ({type(layer).__name__}) takes {wants}, got {got}")
    return given[0]


def takes_training(layer: Layer) -> bool:
    """Returns whether the layer's `call` has an argument `training`; others are told by what they call.

    Example:
        >>> from cnnfast.layers import GaussianNoise, Rescaling
        >>> takes_training(GaussianNoise(0.1)), takes_training(Rescaling(2.0))
        (True, False)
    """
    parameters = inspect.signature(layer.call).parameters.values()
    return any(each.name == "training" or each.kind is each.VAR_KEYWORD for each in parameters)


def acts_by_default(layer: Layer) -> bool:
    """Returns whether the layer's `call` says training=True where nobody else says anything.

    Example:
        >>> from cnnfast.layers import GaussianNoise, RandomFlip
        >>> acts_by_default(RandomFlip()), acts_by_default(GaussianNoise(0.1))
        (True, False)
    """
    kind = type(layer)
    if "_acts" not in kind.__dict__:
        parameter = inspect.signature(kind.call).parameters.get("training")
        kind._acts = parameter is not None and parameter.default is True
    return kind._acts


def described(layer: Layer, args: Args, kwargs: Kwargs, shapes: Sequence[Dims], at_once: bool = False) -> Any:
    """Returns what the layer makes in a graph of its own, of inputs that have these shapes."""
    graph = Tracing()
    graph.at_once = at_once
    rows = [int(getattr(each, "batched", True)) for each in leaves((args, kwargs)) if _is_tensor(each)]
    inputs = iter(
        [
            graph.value(graph.input(shape, f"input_{i}", each))
            for i, (shape, each) in enumerate(zip(shapes, rows, strict=True))
        ]
    )
    args, kwargs = mapped(lambda each: next(inputs) if _is_tensor(each) else each, (args, kwargs))
    made = layer._trace(graph, args, kwargs)
    for value in leaves(made):
        if not isinstance(value, Value):
            raise ValueError(
                f"layer {layer.name!r} ({type(layer).__name__}) must return what its layers and functions of "
                f"cnnfast.ops made of its inputs, got {type(value).__name__}"
            )
    return made


def shapes_in_place(args: Args, kwargs: Kwargs, shapes: Sequence[Dims]) -> tuple[Args, Kwargs]:
    """Returns the arguments of a call with shapes of batches in the place of tensors."""
    rest = iter(shapes)
    made: tuple[Args, Kwargs] = mapped(
        lambda each: (None, *next(rest)) if _is_tensor(each) else each, (args, kwargs)
    )
    return made


def output_shape(layer: Layer, input_shape: Any) -> Any:
    """Returns the shape of what `call` returns, for an input's shape, or a list or dict of these."""
    form: Any = _PLACE
    if _is_shape(input_shape):
        shapes = [input_shape]
    elif isinstance(input_shape, dict):
        form = dict.fromkeys(sorted(input_shape), _PLACE)
        shapes = [input_shape[name] for name in form]
    else:
        form, shapes = [_PLACE] * len(input_shape), list(input_shape)
    batches = [batch_shape(shape) for shape in shapes]
    samples = [shape for _, shape in batches]
    layer._build_for((form,), {}, samples)
    made = described(layer, (form,), {}, samples)
    return mapped(lambda value: (batches[0][0], *value.dims) if value.rows else value.dims, made)


def _is_tensor(each: Any) -> bool:
    return isinstance(each, (SymbolicTensor, np.ndarray, Value))


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, (list, tuple)) and all(not isinstance(e, (list, tuple, dict)) for e in shape)


def _connect(layer: Layer, args: Args, kwargs: Kwargs) -> Any:
    call = Call(layer, args, kwargs)
    if not layer._is_called:
        single(layer, args, kwargs)
    examples: list[list[tuple[Dims, bool]]] = []
    made: Any = None
    for number in range(max(len(source.examples) for source in call.sources)):
        shapes = [source.examples[min(number, len(source.examples) - 1)] for source in call.sources]
        layer._build_for(args, kwargs, shapes)
        made = described(layer, args, kwargs, shapes)
        if any(value.rows > 1 for value in leaves(made)):
            raise ValueError(
                f"layer {layer.name!r} returns more rows than samples: what it folds into the batch's axis "
                "has to be unfolded in the same layer's call"
            )
        examples.append([(value.dims, value.rows > 0) for value in leaves(made)])
    outputs = [
        SymbolicTensor.like(_examples([dims for dims, _ in each]), call, place, each[0][1])
        for place, each in enumerate(zip(*examples, strict=True))
    ]
    layer._note(outputs[0])
    return packed(made, outputs)


def _examples(shapes: list[Dims]) -> tuple[Dims, ...]:
    """One where all are the same, or all, in their order."""
    return tuple(shapes[:1] if len(set(shapes)) == 1 else shapes)


def _run(layer: Layer, args: Args, kwargs: Kwargs) -> Any:
    """Computes with arrays; the network is kept for the next call of these shapes."""
    args = tuple(_samples(layer, each, i == 0) for i, each in enumerate(args))
    kwargs = {name: _samples(layer, each, not args and len(kwargs) == 1) for name, each in kwargs.items()}
    if not layer._is_called:
        single(layer, args, kwargs)
    arrays = [each for each in leaves((args, kwargs)) if _is_tensor(each)]
    shapes = [array.shape[1:] for array in arrays]
    key = repr(shapes_in_place(args, kwargs, shapes))
    alone = layer._alone
    if alone is None or not alone.suits(key, layer):
        layer._alone = alone = _compiled(layer, args, kwargs, key, shapes)
    network = alone.network
    if alone.draws:
        network.seed = next_seed()
    if alone.draws or alone.draws_by_own_seed:
        layer._calls += 1
        network.predictions = layer._calls if alone.draws_by_own_seed else 0
    results = network.predict(arrays)
    outputs = len(leaves(alone.form))
    layer._told_losses = results[outputs:]
    return packed(alone.form, results[:outputs])


def _compiled(layer: Layer, args: Args, kwargs: Kwargs, key: str, shapes: Sequence[Dims]) -> Alone:
    layer._build_for(args, kwargs, shapes)
    made = described(layer, args, kwargs, shapes, at_once=True)
    for leaf in layer._leaves():  # those in it know their shapes only now
        leaf._initialize()
    graph: Tracing = leaves(made)[0].graph
    network = new_network(graph, [value.number for value in [*leaves(made), *graph.losses]])
    form = mapped(lambda _: None, made)
    return Alone(key, network, form, graph.draws, graph.draws_by_own_seed, _latest)


def _samples(layer: Layer, argument: Any, is_input: bool) -> Any:
    name = f"the input of layer {layer.name!r}"
    listed = leaves(argument) if isinstance(argument, (list, tuple, dict)) else []
    if isinstance(argument, dict) or (listed and all(hasattr(each, "__array__") for each in listed)):
        return mapped(lambda each: check_samples(each, None, name), argument)
    return check_samples(argument, None, name) if is_input or hasattr(argument, "__array__") else argument


def joined(layer: Layer, inputs: Sequence[SymbolicTensor]) -> SymbolicTensor:
    """Returns several branches as one, as a layer that joins them does.

    Example:
        >>> from cnnfast.layers import Add, Input
        >>> joined(Add(), [Input((4,)), Input((4,))]).shape
        (None, 4)
    """
    made: SymbolicTensor = layer(list(inputs))
    return made
