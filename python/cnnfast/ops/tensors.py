"""Arrays and what stands for them: which is which, one made of the other, and their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast._core import Weight
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.ops.arithmetic import clip
from cnnfast.ops.casting import cast
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLAIN = {"float64": "float32", "int64": "int32"}  # what Python's own numbers become
_FLOATS = ("float16", "float32", "float64")


def is_tensor(x: Any) -> bool:
    """Returns whether it is an array, a weight, or what stands for an array.

    Args:
        x: Anything.

    Source:
        Keras 3, `keras.ops.is_tensor`.

    Example:
        >>> is_tensor(np.zeros(3)), is_tensor([0.0])
        (True, False)
    """
    return isinstance(x, (np.ndarray, np.generic, Weight, Value, SymbolicTensor))


def dtype(x: Any) -> str:
    """Returns the name of the type of the numbers.

    Args:
        x: Numbers, or what stands for them.

    Source:
        Keras 3, `keras.ops.dtype`.

    Example:
        >>> dtype(np.zeros(3, np.uint8)), dtype([0.5])
        ('uint8', 'float32')
    """
    return str(convert_to_tensor(x).dtype)


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Any:
    """Returns numbers as an array; what is one, or stands for one, as it is.

    Args:
        x: Numbers, or what stands for them.
        dtype: NumPy's type; None keeps that of an array, and is "float32" or "int32" for Python's numbers.
        sparse: Keras's argument, which must not be True.
        ragged: Keras's argument, which must not be True.

    Raises:
        ValueError: If it is no array of real numbers.

    Source:
        Keras 3, `keras.ops.convert_to_tensor`.

    Example:
        >>> convert_to_tensor([1.0, 2.0])
        array([1., 2.], dtype=float32)
    """
    not_offered("ops.convert_to_tensor", sparse=(bool(sparse), False), ragged=(bool(ragged), False))
    if isinstance(x, (Value, SymbolicTensor)):
        return x if dtype is None else cast(x, dtype)
    array = as_array(x, "x")
    kind = str(array.dtype) if hasattr(x, "dtype") else _PLAIN.get(str(array.dtype), str(array.dtype))
    return array.astype(kind if dtype is None else dtype, copy=False)


def convert_to_numpy(x: Any) -> NDArray[Any]:
    """Returns a new array of the numbers.

    Args:
        x: Numbers.

    Raises:
        ValueError: If it only stands for numbers.

    Source:
        Keras 3, `keras.ops.convert_to_numpy`.

    Example:
        >>> convert_to_numpy([1, 2])
        array([1, 2])
    """
    return np.array(as_array(x, "x"))


def saturate_cast(x: Any, dtype: Any) -> Any:
    """Returns `cast(x, dtype)` of the numbers that are in the type's range, and its ends for others.

    Args:
        x: Numbers of any shape, or what stands for them.
        dtype: As for `cast`.

    Raises:
        ValueError: If it is another type.

    Source:
        Keras 3, `keras.ops.saturate_cast`.

    Example:
        >>> saturate_cast([-1.5, 2.5, 300.0], "uint8")
        array([  0.,   2., 255.], dtype=float32)
    """
    name = np.dtype(dtype).name
    if name in ("bool", *_FLOATS):
        return cast(x, dtype)
    info = np.iinfo(name)
    high = np.float32(info.max)
    if int(high) > info.max:  # which float32 has not
        high = np.nextafter(high, np.float32(0))
    return cast(clip(x, float(info.min), float(high)), dtype)
