"""Single operations as small networks of the core, kept for the next call of the same shapes.

All run in one block of memory, as large as the largest needed, and give their weights back after each call:
what stays is what one call needs, however many shapes come by. Where two threads call at once, one of them
takes memory for that call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache, wraps
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np

from cnnfast._core import Weight, Workspace, set_weights
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value
from cnnfast.tuning import new_network
from cnnfast.utils.locks import fork_lock
from cnnfast.utils.samples import as_array, check_samples

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Network

Word = TypeVar("Word", bound=Callable[..., Any])

# A loop over a few shapes should find all of them planned.
_KEPT_NETWORKS = 32


class Operation:
    """Base of descriptions of one operation: equal where class and attributes are, and never changed.

    They are dataclasses for their `__init__` alone: what `frozen=True` makes besides took a third of the time
    of importing `cnnfast.ops` (30 ms, 18 without).
    """

    def emit(self, graph: Tracing, src: int, weights: Sequence[Weight] = ()) -> int:
        """Adds it to a graph, with weights of its own where none are given."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))


class _Compiled(NamedTuple):
    network: Network
    output_shape: tuple[int, ...]
    lock: RLock  # weights are set and used in one go


@lru_cache(maxsize=_KEPT_NETWORKS)
def _compile(operation: Operation, shape: tuple[int, ...]) -> _Compiled:
    graph = Tracing()
    output = operation.emit(graph, graph.input(shape, "x"))
    return _Compiled(new_network(graph, output, workspace()), tuple(graph.shape(output)), fork_lock())


@cache
def workspace() -> Workspace:
    """Returns the memory in which all of `cnnfast.ops` runs.

    Example:
        >>> workspace() is workspace()
        True
    """
    return Workspace()


def run(operation: Operation, x: Any, weights: Sequence[Any] = ()) -> Any:
    """Returns the operation's output for a batch; what stands for it where a layer's `call` is traced.

    There, weights are what `add_weight` returned, or arrays, which stay as they are.

    Raises:
        ValueError: If shapes do not suit, or a weight is computed where it cannot be.
    """
    if isinstance(x, Value):
        return x.graph.value(operation.emit(x.graph, x.number, [_held(x.graph, each) for each in weights]))
    samples = check_samples(x, None, "x")
    compiled = _compile(operation, samples.shape[1:])
    arrays = _checked_weights(compiled, weights)
    with _weights_in(compiled, arrays):
        return compiled.network.predict(samples)


def _held(graph: Tracing, weight: Any) -> Weight:
    """A weight as it is; an array as one that no training moves."""
    if isinstance(weight, Weight):
        return weight
    if isinstance(weight, Value):
        raise computed_error(weight)
    array = np.require(as_array(weight, "a weight"), np.float32, ["C", "A"])
    held = Weight(graph.named("fixed"), array.shape)
    held.trainable = False
    held.assign(array)
    return held


def in_layers(word: Word) -> Word:
    """Decorates a word that describes a step of a layer's `call`: of a symbolic tensor it makes a layer.

    Example:
        >>> from cnnfast.layers import Input
        >>> in_layers(lambda x, factor: x * factor)(Input((3,)), 2.0).shape
        (None, 3)
    """
    first = word.__code__.co_varnames[0]

    @wraps(word)
    def called(*args: Any, **kwargs: Any) -> Any:
        x = args[0] if args else kwargs.get(first)
        if not isinstance(x, SymbolicTensor):
            return word(*args, **kwargs)
        from cnnfast.layers import Lambda

        others = {name: value for name, value in kwargs.items() if args or name != first}
        return Lambda(lambda given: word(given, *args[1:], **others))(x)

    return cast("Word", called)


def computed_error(weight: Value) -> ValueError:
    """Returns the error for a weight that the graph makes, where it has to be one or an array.

    Example:
        >>> graph = Tracing()
        >>> "what add_weight returned" in str(computed_error(graph.value(graph.input((3,), "x"))))
        True
    """
    return ValueError(
        f"this kernel or bias must be what add_weight returned, or an array; got {weight!r}, which is "
        "computed"
    )


def run_grad(
    operation: Operation, x: Any, grad_out: ArrayLike, weights: Sequence[ArrayLike] = ()
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Returns the gradients of sum(grad_out * output) by the input and by each of the weights."""
    samples = check_samples(x, None, "x")
    compiled = _compile(operation, samples.shape[1:])
    arrays = _checked_weights(compiled, weights)
    grad = np.require(as_array(grad_out, "grad_out"), np.float32, ["C", "A"])
    needed = (len(samples), *compiled.output_shape)
    if grad.shape != needed:
        raise ValueError(f"grad_out must have the output's shape {needed}, got {grad.shape}")
    with _weights_in(compiled, arrays):
        return compiled.network.vjp(samples, grad)


def _checked_weights(compiled: _Compiled, weights: Sequence[ArrayLike]) -> list[NDArray[np.float32]]:
    arrays: list[NDArray[np.float32]] = []
    for given, weight in zip(weights, compiled.network.weights, strict=True):
        kind = weight.name.rsplit("/", 1)[-1]
        array = np.require(as_array(given, kind), np.float32, ["C", "A"])
        if array.shape != weight.shape:
            raise ValueError(f"{kind} must have shape {weight.shape} for this input, got {array.shape}")
        arrays.append(array)
    return arrays


@contextmanager
def _weights_in(compiled: _Compiled, arrays: Sequence[NDArray[np.float32]]) -> Iterator[None]:
    weights = compiled.network.weights
    with compiled.lock:
        try:
            set_weights(weights, arrays)
            yield
        finally:
            for weight in weights:
                weight.clear()
