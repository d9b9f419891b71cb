"""Functions with gradients of one's own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.ops.numpy_function import differentiated_by


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function whose gradient is the one that it tells, whatever it computes.

    In a compiled step the function runs compiled; its gradient is called in Python, with arrays.

    Args:
        f: Called with arrays, or what stands for them; returns what it computes, and a function that makes of
            the gradient by that the gradient by each argument, one alone where there is one.

    Raises:
        ValueError: If the gradients are not as many as the arguments.

    Source:
        Keras 3, `keras.ops.custom_gradient`; TensorFlow, `tf.custom_gradient`.

    Example:
        >>> import numpy as np
        >>> from cnnfast import ops
        >>> @custom_gradient
        ... def rounded(x):  # as if it were x
        ...     return ops.round(x), lambda upstream: upstream
        >>> rounded(np.array([1.7])), ops.grad(rounded)(np.array([1.7]))
        (array([2.], dtype=float32), array([1.], dtype=float32))
    """

    @functools.wraps(f)
    def computed(*args: Any) -> Any:
        if any(isinstance(each, SymbolicTensor) for each in args):
            from cnnfast.layers import Lambda

            return Lambda(lambda given: computed(*given))(list(args))
        made = f(*args)[0]
        if not isinstance(made, Value):
            return made
        return differentiated_by(made, args, lambda *arrays: f(*arrays[:-1])[1](arrays[-1]))

    return computed
