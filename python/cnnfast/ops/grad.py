"""Gradients of what a function of one's own makes of arrays: traced once for each shape, then compiled."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import NeedsBatchError, Tracing, Value
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network
from cnnfast.utils.arguments import whole_number
from cnnfast.utils.locks import fork_lock
from cnnfast.utils.samples import as_array, core_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Network

_KEPT_NETWORKS = 8
Shapes = tuple[tuple[int, ...], ...]


def grad(func: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """Returns a function that computes the gradients of another one.

    `func` is traced once for each shape of its arguments: it is written with functions of `cnnfast.ops`,
    layers and models, and what it reads besides its arguments is taken as it is then; weights are read anew.
    Layers in it act as in prediction. If it calls any, the first axis of all arrays is the batch's.

    Formula: d sum(grad_out * func(*args)) / d args[argnums]

    Args:
        func: Returns one array of any shape.
        argnums: The place of the argument that is differentiated by, or several, of which it then returns a
            tuple; below 0 they count from the last.

    Returns:
        A function of arrays as `func` takes them, and of `grad_out`, which is 1 everywhere unless it is
        given: an array of the shape that `func` returns.

    Raises:
        ValueError: If an argument is no array of real numbers, there is no such place, or `grad_out` has
            another shape.

    Source:
        PyTorch, `torch.func.grad`; JAX, `jax.grad`.

    Example:
        >>> from cnnfast import ops
        >>> grad(lambda x: ops.sum(x**3))(np.array([1.0, 2.0]))
        array([ 3., 12.], dtype=float32)
        >>> by_x, by_w = grad(lambda x, w: x @ w, (0, 1))(np.ones((1, 2)), np.array([[3.0], [4.0]]))
        >>> by_x, by_w.ravel()
        (array([[3., 4.]], dtype=float32), array([1., 1.], dtype=float32))
    """
    places = [argnums] if isinstance(argnums, int) else list(argnums)
    single, places = isinstance(argnums, int), [whole_number(place, "argnums", -32) for place in places]
    gradients = _Gradients(func)

    @functools.wraps(func)
    def differentiated(*args: ArrayLike, grad_out: ArrayLike | None = None) -> Any:
        for place in places:
            if not -len(args) <= place < len(args):
                raise ValueError(f"argnums names argument {place}; the function was given {len(args)}")
        made = gradients.of(args, grad_out)
        return made[places[0]] if single else tuple(made[place] for place in places)

    return differentiated


class _Compiled(NamedTuple):
    network: Network
    dims: tuple[int, ...]  # of the output, without the batch axis
    batched: bool


class _Gradients:
    """The gradients of one function, as networks of the core."""

    def __init__(self, func: Callable[..., Any]) -> None:
        self._func = func
        self._kept: OrderedDict[Shapes, _Compiled] = OrderedDict()
        self._lock = fork_lock()

    def of(self, args: Sequence[Any], grad_out: Any) -> list[NDArray[np.float32]]:
        """Returns the gradients of all arguments."""
        if any(isinstance(each, (Value, SymbolicTensor)) for each in args):
            raise ValueError("ops.grad takes arrays: what stands for one has no numbers to compute with")
        arrays = [core_array(as_array(each, f"argument {i}")) for i, each in enumerate(args)]
        if not arrays or not all(array.size for array in arrays):
            raise ValueError(f"ops.grad needs arrays with numbers, got {[array.shape for array in arrays]}")
        compiled = self._compiled(tuple(array.shape for array in arrays))
        shape = (len(arrays[0]), *compiled.dims) if compiled.batched else compiled.dims
        given = np.ones(shape) if grad_out is None else as_array(grad_out, "grad_out")
        made, _ = compiled.network.vjp(arrays, [np.require(given, np.float32, ["C", "A"])])
        return made

    def _compiled(self, shapes: Shapes) -> _Compiled:
        with self._lock:
            found = self._kept.get(shapes)
            if found is None:
                found = self._kept[shapes] = self._made(shapes)
                if len(self._kept) > _KEPT_NETWORKS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(shapes)
        return found

    def _made(self, shapes: Shapes) -> _Compiled:
        try:
            return self._traced(shapes, batched=False)
        except NeedsBatchError:
            return self._traced(shapes, batched=True)

    def _traced(self, shapes: Shapes, batched: bool) -> _Compiled:
        graph = Tracing(batches=batched)
        inputs = []
        for i, shape in enumerate(shapes):
            rows = 1 if batched and shape else 0
            inputs.append(graph.value(graph.input(shape[rows:], f"argument_{i}", rows)))
        with graph.within():
            output = graph.as_value(self._func(*inputs))
        for layer, _, _ in graph.calls:
            for leaf in layer._leaves():
                leaf._initialize()
        return _Compiled(new_network(graph, [output.number], workspace()), output.dims, output.rows > 0)
