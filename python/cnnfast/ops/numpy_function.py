"""A NumPy function of one's own in a graph, for what no other function here can say, with its gradient."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value, current_tracing
from cnnfast.ops.axes import rearranged
from cnnfast.ops.slicing import cut
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_SAMPLES = (2, 3)  # in the batches that tell the output's shape
_STEPS = {"float64": 1e-6, "float32": 1e-3}  # of slopes, for numbers near 1, by what functions compute in
_MOST_WRONG = 1e-2  # of the largest that the slope may be


def numpy_function(func: Callable[..., Any], inputs: Any, gradient: Callable[..., Any] | None = None) -> Any:
    """Returns what a NumPy function makes of arrays, or of what stands for them.

    In a compiled step it is called in Python, by one thread, with copies of the whole batch; all else runs as
    ever. Its gradient is compared with a numerical slope, uphill, when it is first used. What either raises
    ends the step, which then has changed nothing. It may not use models or weights: the step has them.

    Args:
        func: Called with an array for each input, batch axis first where there is one; returns an array with
            one row a sample then. It is also called on numbers in (0, 1), to learn the shape that it makes.
        inputs: One array (or what stands for one), or a list of several.
        gradient: Called with the same arrays and the gradient of what was returned; returns the gradient by
            each input, None for 0. None: nothing is differentiated through the function.

    Returns:
        float32 numbers of the shape that `func` returns.

    Raises:
        ValueError: If a shape does not suit, or the gradient is not that of the function.

    Source:
        PyTorch, `torch.autograd.Function`; TensorFlow, `tf.numpy_function`.

    Example:
        >>> from cnnfast import ops
        >>> def cube(x):
        ...     return numpy_function(lambda a: a**3, x, gradient=lambda a, grad: 3 * a**2 * grad)
        >>> cube(np.array([1.0, 2.0])), ops.grad(cube)(np.array([1.0, 2.0]))
        (array([1., 8.], dtype=float32), array([ 3., 12.], dtype=float32))
    """
    listed = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    if not listed or not callable(func):
        raise ValueError(f"numpy_function takes a function and at least one input, got {func!r}, {inputs!r}")
    if any(isinstance(each, SymbolicTensor) for each in listed):
        from cnnfast.layers import Lambda

        return Lambda(lambda given: numpy_function(func, given, gradient))(listed)
    own = _Function(func, gradient)
    graph = next((each.graph for each in listed if isinstance(each, Value)), None) or current_tracing()
    if graph is None:
        return own.forward(*(as_array(each, "an input").astype(np.float32) for each in listed))
    values = [graph.as_value(each) for each in listed]
    return _added(graph, own, values, own.shape_for(values))


def _added(graph: Tracing, own: _Function, values: Sequence[Value], dims: tuple[int, ...]) -> Value:
    numbers = [value.number for value in values]
    if own.gradient is None:
        numbers = [graph.stop_gradient(number, graph.named("stop_gradient")) for number in numbers]
    return graph.value(graph.host(numbers, dims, own.forward, own.backward, graph.named(own.name)))


def by_numpy(
    name: str,
    values: Sequence[Value],
    dims: Sequence[tuple[int, ...]],
    func: Callable[..., Any],
    gradient: Callable[..., Any] | None = None,
) -> list[Value]:
    """Adds a function of this package's own, whose shapes and gradient need no trial.

    Args:
        name: What it is called.
        values: What it is made of; it gets float64.
        dims: The shapes of what it returns, without the batch's axis.
        func: Returns a list of as many arrays.
        gradient: Called with the inputs and a list of gradients; returns the gradient by each input, None
            for 0. None: nothing is differentiated through it.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> x = graph.value(graph.input((4,), "x"))
        >>> by_numpy("parts", [x], [(1,), (3,)], lambda a: [a[:, :1], a[:, 1:]])
        [<Value shape=(None, 1)>, <Value shape=(None, 3)>]
    """
    batch = any(value.rows for value in values)
    sizes = [math.prod(each) for each in dims]
    begins = [*itertools.accumulate(sizes, initial=0)]

    def joined(*arrays: Array) -> Array:
        made = func(*arrays)
        return np.concatenate([np.reshape(each, (*np.shape(each)[:batch], -1)) for each in made], -1)

    def apart(*given: Array) -> Any:
        *arrays, grad = given
        grads = [grad[..., a : a + n] for a, n in zip(begins, sizes, strict=False)]
        lead = grad.shape[:batch]
        assert gradient is not None
        return gradient(*arrays, [g.reshape(lead + d) for g, d in zip(grads, dims, strict=True)])

    own = _Function(_in_float64(joined), gradient and _in_float64(apart), name, checked=True)
    packed = _added(values[0].graph, own, values, (begins[-1],))
    pieces = [cut(packed, 0, a, 1, n) for a, n in zip(begins, sizes, strict=False)]
    return [rearranged(piece, each) for piece, each in zip(pieces, dims, strict=True)]


def differentiated_by(made: Value, args: Sequence[Any], gradient: Callable[..., Any]) -> Value:
    """Returns a value as it is, with a gradient of one's own by what it is made of.

    Args:
        made: The value.
        args: What it is made of.
        gradient: Called with arrays of these and of the gradient by `made`; returns that by each.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> graph = Tracing()
        >>> x = graph.value(graph.input((4,), "x"))
        >>> differentiated_by(x, [x], lambda x, grad: 2 * grad)
        <Value shape=(None, 4)>
    """
    graph = made.graph

    def backward(*given: Array) -> list[Any]:
        *arrays, _, grad = given
        grads = gradient(*arrays, grad)
        return [*(grads if isinstance(grads, (list, tuple)) else [grads]), None]

    own = _Function(lambda *arrays: arrays[-1], backward, "custom_gradient", checked=True)
    still = graph.value(graph.stop_gradient(made.number, graph.named("stop_gradient")))
    return _added(graph, own, [*map(graph.as_value, args), still], made.dims)


def _in_float64(func: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arrays: func(*(each.astype(np.float64) for each in arrays))


class _Function:
    """What the core calls."""

    def __init__(
        self,
        func: Callable[..., Any],
        gradient: Callable[..., Any] | None,
        name: str = "",
        checked: bool = False,
    ) -> None:
        self.func, self.gradient = func, gradient
        self.name = name or getattr(func, "__name__", "numpy_function")
        self._checked = checked

    def shape_for(self, values: Sequence[Value]) -> tuple[int, ...]:
        """Returns the output's shape, without the batch axis where there is one."""
        batched = any(value.rows for value in values)
        chance = np.random.default_rng(0)
        shapes = []
        for samples in _SAMPLES:
            arrays = [chance.random(((samples,) if v.rows else ()) + v.dims, np.float32) for v in values]
            shapes.append(self.forward(*arrays).shape)
            if batched and shapes[-1][:1] != (samples,):
                raise ValueError(
                    f"{self.name} must return a row for each of {samples} samples, got shape {shapes[-1]}"
                )
        first, other = (shape[1:] if batched else shape for shape in shapes)
        if first != other:
            raise ValueError(f"{self.name} returns rows of shape {first} or {other}, as samples are more")
        return first

    def forward(self, *arrays: Array) -> NDArray[np.float32]:
        return np.require(self.func(*arrays), np.float32, ["C", "A"])

    def backward(self, *given: Array) -> list[NDArray[np.float32]]:
        """Returns gradients by each input: of inputs, output, and its gradient."""
        *arrays, _, grad_out = given
        assert self.gradient is not None
        made = self.gradient(*arrays, grad_out)
        listed = list(made) if isinstance(made, (list, tuple)) else [made]
        if len(listed) != len(arrays):
            raise ValueError(f"the gradient of {self.name} must be {len(arrays)} arrays, got {len(listed)}")
        grads = [
            np.zeros(array.shape, np.float32) if each is None else np.require(each, np.float32, ["C", "A"])
            for each, array in zip(listed, arrays, strict=True)
        ]
        if not self._checked:
            self._check(arrays, [each is not None for each in listed], grads, grad_out)
            self._checked = True
        return grads

    def _check(
        self, arrays: Sequence[Array], moves: Sequence[bool], grads: Sequence[Array], grad_out: Array
    ) -> None:
        chance = np.random.default_rng(0)
        wide = [array.astype(np.float64) for array in arrays]
        step = _STEPS.get(str(np.asarray(self.func(*wide)).dtype), _STEPS["float32"])
        steps = []
        for array, each, grad in zip(wide, moves, grads, strict=True):  # uphill, where all shares add up
            way = chance.normal(size=array.shape)
            way = np.where(grad == 0, way, np.abs(way) * np.sign(grad))
            steps.append(way * (step * max(1.0, float(np.abs(array).max())) * each))
        sides = [
            np.asarray(self.func(*(a + sign * s for a, s in zip(wide, steps, strict=True))), np.float64)
            for sign in (1.0, -1.0)
        ]
        slope = float((grad_out * (sides[0] - sides[1])).sum() / 2)
        told = sum(float((grad * each).sum()) for grad, each in zip(grads, steps, strict=True))
        if not abs(slope - told) <= _MOST_WRONG * max(abs(told), abs(slope)):
            raise ValueError(
                f"the gradient of {self.name} is not that of the function: along a direction uphill the "
                f"function changes by {slope:.6g}, its gradient says {told:.6g}"
            )


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None
) -> Callable[..., Any]:
    """Returns a function that calls another one for each number of arrays, as `numpy.vectorize` does.

    Args:
        pyfunc: A function of numbers, or, with a signature, of parts of arrays.
        excluded: Which arguments, by place or name, it gets as they are.
        signature: Which axes these parts have, such as "(m,n),(n)->(m)".

    Example:
        >>> vectorize(lambda a, b: a + b)([1.0, 2.0], 3.0)
        array([4., 5.])
    """
    return np.vectorize(pyfunc, excluded=excluded, signature=signature)
