"""A NumPy function of one's own in a graph, for what no other function here can say, with its gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value, current_tracing
from cnnfast.utils.samples import as_array

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
    return _traced(graph, own, [graph.as_value(each) for each in listed])


def _traced(graph: Tracing, own: _Function, values: Sequence[Value]) -> Value:
    dims = own.shape_for(values)
    numbers = [value.number for value in values]
    if own.gradient is None:
        numbers = [graph.stop_gradient(number, graph.named("stop_gradient")) for number in numbers]
    return graph.value(graph.host(numbers, dims, own.forward, own.backward, graph.named(own.name)))


class _Function:
    """What the core calls."""

    def __init__(self, func: Callable[..., Any], gradient: Callable[..., Any] | None) -> None:
        self.func, self.gradient = func, gradient
        self.name = getattr(func, "__name__", "numpy_function")
        self._checked = False

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
