"""The table of operations: each is written once, as what it adds to a graph, and used in three ways.

Called on `Value`s, while a layer or a function is traced, it adds its nodes at once. Called on symbolic
tensors it is a layer, `layers.Operation`, that models hold and files name. Called on arrays it runs at once,
as a network of the core that is kept for the next call of the same shapes.

    @operation("x")
    def relu(x, ...):
        return x.graph.value(x.graph.activation(x.number, "relu", x.graph.named("relu")))

`operation` names the arguments that are tensors; "*xs" is a list of them. The function gets `Value`s there,
plain numbers where the caller gave some, or None where that is the default; all else is as the caller gave
it, and must be JSON's (numbers, texts, lists, None) for models with the operation to be saved. It returns one
`Value`, or a list or tuple of them.

Where the public function first has to write as JSON what it was given, slices for one, it calls the one in
the table, whose name is the same behind an underscore.

Arrays have one row for the whole batch: their first axis is one like others. For operations about batches
(`batches=True`: convolutions, pooling, ...) the first axis is that of the batch.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from cnnfast._core import Weight
from cnnfast.config import resolve_data_format
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value, as_sizes, current_tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network
from cnnfast.utils.nest import leaves, mapped, packed
from cnnfast.utils.samples import as_array, core_array

if TYPE_CHECKING:
    from cnnfast._core import Network

P = ParamSpec("P")
Arguments = dict[str, Any]

_KEPT_NETWORKS = 64
TABLE: dict[str, Operation] = {}


class Operation:
    """One operation.

    Args:
        name: Its name in `cnnfast.ops`.
        emit: What it adds to a graph.
        tensors: Which of its arguments are tensors; "*xs" is a list of them.
        batches: Whether the first axis of arrays is the batch's.
    """

    def __init__(self, name: str, emit: Callable[..., Any], tensors: Sequence[str], batches: bool) -> None:
        self.name, self.emit, self.batches = name, emit, batches
        self.tensors = tuple(each for each in tensors if not each.startswith("*"))
        self.lists = tuple(each[1:] for each in tensors if each.startswith("*"))

    @functools.cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.emit)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Computes, or adds to a graph, as its tensors are."""
        arguments = self._bound(args, kwargs)
        given = list(self.tensors_of(arguments))
        graph = next((each.graph for each in given if isinstance(each, Value)), None) or current_tracing()
        if any(isinstance(each, SymbolicTensor) for each in given):
            from cnnfast.layers.operation import Operation as Layer

            return Layer.of(self, arguments)
        if graph is not None:
            if self.batches:
                graph.check_batches()
            with graph.within():
                plain = {name: as_sizes(value) for name, value in arguments.items()}
                return self.emit(**self.with_tensors(plain, functools.partial(_value, graph)))
        return self._run(arguments)

    def _bound(self, args: tuple[Any, ...], kwargs: Arguments) -> Arguments:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"ops.{self.name}: {error}") from None
        bound.apply_defaults()
        if (
            "data_format" in bound.arguments
        ):  # here: what is kept, and what a file holds, outlives the default
            bound.arguments["data_format"] = resolve_data_format(bound.arguments["data_format"])
        return bound.arguments

    def tensors_of(self, arguments: Arguments) -> Iterator[Any]:
        """Yields what stands in the place of tensors."""
        for name in (*self.tensors, *self.lists):
            value = arguments[name]
            yield from value if name in self.lists and isinstance(value, (list, tuple)) else [value]

    def with_tensors(self, arguments: Arguments, make: Callable[[Any], Any]) -> Arguments:
        """Returns the arguments, each tensor as `make` makes it."""
        changed = {name: make(arguments[name]) for name in self.tensors}
        for name in self.lists:
            value = arguments[name]
            changed[name] = (
                [make(each) for each in value] if isinstance(value, (list, tuple)) else make(value)
            )
        return {**arguments, **changed}

    def _run(self, arguments: Arguments) -> Any:
        arrays: list[np.ndarray[Any, Any]] = []

        def taken(tensor: Any) -> Any:
            if tensor is None:
                return None
            arrays.append(core_array(as_array(tensor, f"an argument of ops.{self.name}")))
            if arrays[-1].size == 0:
                raise ValueError(f"ops.{self.name} needs at least one number, got shape {arrays[-1].shape}")
            return _Place(arrays[-1].shape)

        key = _Key(self, self.with_tensors(arguments, taken))
        network, form = _compiled(key)
        return packed(form, network.predict(arrays))


class _Place:
    """Where an array of this shape will be."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __repr__(self) -> str:
        return f"an array of shape {self.shape}"


class _Key:
    """An operation and its arguments; equal where they say the same."""

    def __init__(self, operation: Operation, arguments: Arguments) -> None:
        self.operation, self.arguments = operation, arguments
        self._text = (operation.name, repr(sorted(arguments.items())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@functools.lru_cache(maxsize=_KEPT_NETWORKS)
def _compiled(key: _Key) -> tuple[Network, Any]:
    graph, operation = Tracing(), key.operation

    def made(place: Any) -> Any:
        if place is None:
            return None
        number = len(graph.inputs)
        dims = place.shape[1:] if operation.batches else place.shape
        return graph.value(graph.input(dims, f"x{number}", 1 if operation.batches else 0))

    with graph.within():
        output = operation.emit(**operation.with_tensors(key.arguments, made))
    network = new_network(graph, [value.number for value in leaves(output)], workspace())
    return network, mapped(lambda _: None, output)


def only_array(x: Any, word: str) -> np.ndarray[Any, Any]:
    """Returns an array, for words that have nothing to add to a graph.

    Raises:
        TypeError: If it only stands for an array.

    Example:
        >>> only_array([1, 2], "unique")
        array([1, 2])
    """
    if isinstance(x, (Value, SymbolicTensor)):
        raise TypeError(
            f"ops.{word} takes arrays only: what it returns depends on the numbers in its shape or kind, and "
            f"{x!r} has none yet; use it before or after what is traced"
        )
    return as_array(x, f"an argument of ops.{word}")


def on_graph(*tensors: Any) -> tuple[Any, ...]:
    """Returns the graph that is being traced, then each tensor as a value of it; numbers become constants.

    For functions that `operation` is put on, which are only called while a graph is traced.
    """
    graph = current_tracing()
    assert graph is not None
    return (graph, *(graph.as_value(each) for each in tensors))


def _value(graph: Tracing, tensor: Any) -> Any:
    if tensor is None or (isinstance(tensor, (int, float, np.number)) and not isinstance(tensor, Weight)):
        return tensor
    return graph.as_value(tensor)


def operation(*tensors: str, batches: bool = False) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Returns a decorator that puts a function into the table; see the module.

    Args:
        tensors: Names of the arguments that are tensors; "*xs" for a list of them.
        batches: Whether the first axis of arrays is the batch's.

    Example:
        >>> TABLE["relu"].tensors
        ('x',)
    """

    def enter(emit: Callable[P, Any]) -> Callable[P, Any]:
        entry = Operation(emit.__name__.removeprefix("_"), emit, tensors, batches)
        TABLE[entry.name] = entry

        @functools.wraps(emit)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return entry(*args, **kwargs)

        return call

    return enter
