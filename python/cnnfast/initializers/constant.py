"""Initializers without chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.initializers.initializer import Initializer
from cnnfast.utils.arguments import real_number
from cnnfast.utils.samples import check_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Constant(Initializer):
    """Every weight is `value`.

    Args:
        value: The value, or an array that is broadcast to the shape.

    Raises:
        ValueError: If it is not a number or an array of numbers; when called, if its shape does not suit.

    Example:
        >>> Constant(0.5)((2,))
        array([0.5, 0.5], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        if isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value):
            self.value = check_weights(value, np.shape(value), "value").tolist()
        else:
            self.value = real_number(value, "value", -math.inf)

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        try:
            return np.full(shape, self.value, np.float32)
        except ValueError:
            raise ValueError(f"the values have shape {np.shape(self.value)}, the weights {shape}") from None


class Zeros(Initializer):
    """Every weight is 0.

    Example:
        >>> Zeros()((2,))
        array([0., 0.], dtype=float32)
    """

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        return np.zeros(shape, np.float32)


class Ones(Initializer):
    """Every weight is 1.

    Example:
        >>> Ones()((2,))
        array([1., 1.], dtype=float32)
    """

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        return np.ones(shape, np.float32)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix and 0 elsewhere.

    Args:
        gain: Value on the diagonal.

    Raises:
        ValueError: When called, if the shape has not two axes.

    Example:
        >>> Identity(2.0)((2, 3))
        array([[2., 0., 0.],
               [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = real_number(gain, "gain", -math.inf)

    def _values(self, shape: tuple[int, ...], generator: np.random.Generator | None) -> NDArray[np.float32]:
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices, of two axes; got shape {shape}")
        return np.float32(self.gain) * np.eye(*shape, dtype=np.float32)
