"""Arrays from nothing, numbers of other kinds, and numbers in the form of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.ops.axes import batch_error
from cnnfast.ops.functions import trunc
from cnnfast.ops.logic import less, not_equal, where
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import stop_gradient
from cnnfast.ops.repeating import pad
from cnnfast.ops.shaping import broadcast_to, expand_dims, reshape, shaped
from cnnfast.ops.slicing import cut

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Shape = int | Sequence[int]
_PLAIN: dict[Any, type] = {np.dtype(float): np.float32, np.dtype(int): np.int32}  # of Python's numbers


def zeros(shape: Shape, dtype: Any = None) -> NDArray[Any]:
    """Returns an array of zeros.

    Args:
        shape: Its shape.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> zeros(2)
        array([0., 0.], dtype=float32)
    """
    return np.zeros(shape, dtype or np.float32)


def ones(shape: Shape, dtype: Any = None) -> NDArray[Any]:
    """Returns an array of ones.

    Args:
        shape: Its shape.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> ones(2)
        array([1., 1.], dtype=float32)
    """
    return np.ones(shape, dtype or np.float32)


def empty(shape: Shape, dtype: Any = None) -> NDArray[Any]:
    """Returns an array whose numbers are of no meaning.

    Args:
        shape: Its shape.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> empty((2, 3)).shape
        (2, 3)
    """
    return np.empty(shape, dtype or np.float32)


def array(x: Any, dtype: Any = None) -> Any:
    """Returns a new array of these numbers.

    Args:
        x: Numbers; or what stands for them, which is not copied.
        dtype: NumPy's type; None keeps that of an array, and is "float32" or "int32" for Python's numbers.

    Example:
        >>> array([1.0, 2.0])
        array([1., 2.], dtype=float32)
    """
    if isinstance(x, (Value, SymbolicTensor)):
        return x if dtype is None else cast(x, dtype)
    made = np.array(x, dtype)
    plain = dtype is None and not hasattr(x, "dtype") and made.dtype in _PLAIN
    return made.astype(_PLAIN[made.dtype]) if plain else made


def full(shape: Shape, fill_value: ArrayLike, dtype: Any = None) -> NDArray[Any]:
    """Returns an array of one number.

    Args:
        shape: Its shape.
        fill_value: The number, or an array that broadcasts.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> full(2, 7.0)
        array([7., 7.], dtype=float32)
    """
    return np.full(shape, fill_value, dtype or np.float32)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> NDArray[Any]:  # noqa: N803
    """Returns a matrix with ones on a diagonal and zeros elsewhere.

    Args:
        N: Number of rows.
        M: Number of columns; None is N.
        k: Which diagonal; above 0 those on the right of the main one.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> eye(2)
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return np.eye(N, M, k, dtype or np.float32)


def identity(n: int, dtype: Any = None) -> NDArray[Any]:
    """Returns a square matrix with ones on the main diagonal and zeros elsewhere.

    Args:
        n: Number of rows.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> identity(2)
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> NDArray[Any]:
    """Returns numbers in steps, from `start` up to `stop` without it.

    Args:
        start: The first; where `stop` is None it is the end, and 0 the first.
        stop: The end.
        step: The step; None is 1.
        dtype: NumPy's type; None is "int32" where all arguments are whole numbers, else "float32".

    Example:
        >>> arange(3)
        array([0, 1, 2], dtype=int32)
    """
    begin, end = (0, start) if stop is None else (start, stop)
    whole = all(isinstance(each, (int, np.integer)) for each in (begin, end, step or 1))
    kind = dtype or (np.int32 if whole else np.float32)
    return np.asarray(np.arange(begin, end, 1 if step is None else step), kind)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: Any = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Returns numbers at equal distances.

    Args:
        start: The first, or an array of such.
        stop: The end.
        num: How many.
        endpoint: Whether `stop` is the last.
        retstep: Whether the distance is returned, too.
        dtype: NumPy's type; None is "float32".
        axis: Where the axis of these numbers is if `start` or `stop` is an array.

    Example:
        >>> linspace(0, 1, 3)
        array([0. , 0.5, 1. ], dtype=float32)
    """
    return np.linspace(start, stop, num, endpoint, retstep, dtype or np.float32, axis)


@operation("x", "fill_value")
def _full_like(x: Any, fill_value: Any) -> Any:
    form = stop_gradient(x)
    return where(less(form, form), 0.0, fill_value)  # nothing is less than itself


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Returns one number in the form of others.

    Args:
        x: Numbers of any shape, or what stands for them.
        fill_value: The number, or numbers that broadcast, or what stands for them.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> full_like([[1.0, 2.0]], 7.0)
        array([[7., 7.]], dtype=float32)
    """
    return cast(_full_like(x, fill_value), dtype or np.float32)


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Returns zeros in the form of others.

    Args:
        x: Numbers of any shape, or what stands for them.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> zeros_like([[1.0, 2.0]])
        array([[0., 0.]], dtype=float32)
    """
    return full_like(x, 0.0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Returns ones in the form of others.

    Args:
        x: Numbers of any shape, or what stands for them.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> ones_like([[1.0, 2.0]])
        array([[1., 1.]], dtype=float32)
    """
    return full_like(x, 1.0, dtype)


def cast(x: Any, dtype: Any) -> Any:
    """Returns the numbers that a type has for others, as float32, in which all is computed.

    Args:
        x: Numbers of any shape, or what stands for them.
        dtype: "float32" leaves them alone; "bool" makes them 0 or 1; types of whole numbers cut off what is
            behind the point, and do not wrap round.

    Raises:
        ValueError: If it is another type.

    Example:
        >>> cast([-1.5, 0.0, 2.5], "int32"), cast([-1.5, 0.0, 2.5], "bool")
        (array([-1.,  0.,  2.], dtype=float32), array([1., 0., 1.], dtype=float32))
    """
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    return x if name == "float32" and hasattr(x, "dtype") and str(x.dtype) == name else _cast(x, name)


def empty_like(x: Any, dtype: Any = None) -> Any:
    """Returns numbers of no meaning, which are zeros, in the form of others.

    Args:
        x: Numbers of any shape, or what stands for them.
        dtype: As for `cast`; None is "float32".

    Example:
        >>> empty_like([[1.0, 2.0]]).shape
        (1, 2)
    """
    return zeros_like(x, dtype)


@operation("x")
def _cast(x: Any, dtype: str) -> Any:
    _, x = on_graph(x)
    if dtype == "bool":
        return not_equal(x, 0.0)
    if dtype == "float32":
        return shaped(x, x.shape)
    if dtype not in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        raise ValueError(f"dtype must be 'float32', 'bool' or a type of whole numbers, got {dtype!r}")
    return trunc(x)


def _triangle(x: Any, k: int, below: bool) -> Any:
    _, x = on_graph(x)
    if len(x.dims) < 2:
        raise batch_error(x) if x.rows and x.dims else ValueError(f"two axes are needed, got shape {x.shape}")
    rows, columns = x.dims[-2:]
    kept = np.tri(rows, columns, k if below else k - 1, np.float32)
    return where(kept, x, 0.0) if below else where(kept, 0.0, x)


@operation("x")
def tril(x: Any, k: int = 0) -> Any:
    """Returns matrices with zeros above a diagonal.

    Args:
        x: Matrices along the last two axes, or what stands for them.
        k: Which diagonal; above 0 those on the right of the main one.

    Example:
        >>> tril([[1.0, 2.0], [3.0, 4.0]])
        array([[1., 0.],
               [3., 4.]], dtype=float32)
    """
    return _triangle(x, k, True)


@operation("x")
def triu(x: Any, k: int = 0) -> Any:
    """Returns matrices with zeros below a diagonal.

    Args:
        x: Matrices along the last two axes, or what stands for them.
        k: Which diagonal; above 0 those on the right of the main one.

    Example:
        >>> triu([[1.0, 2.0], [3.0, 4.0]])
        array([[1., 2.],
               [0., 4.]], dtype=float32)
    """
    return _triangle(x, k, False)


@operation("x")
def diag(x: Any, k: int = 0) -> Any:
    """Returns the matrix with these numbers on a diagonal, or the diagonal of a matrix.

    Args:
        x: One or two axes of numbers, or what stands for them; there is no batch axis.
        k: Which diagonal; above 0 those on the right of the main one.

    Raises:
        ValueError: If the axes are others, or the matrix has no such diagonal.

    Example:
        >>> diag([1.0, 2.0]), diag([[1.0, 2.0], [3.0, 4.0]])
        (array([[1., 0.],
               [0., 2.]], dtype=float32), array([1., 4.], dtype=float32))
    """
    _, x = on_graph(x)
    if x.rows:
        raise batch_error(x)
    if x.ndim == 1:
        wide = expand_dims(pad(x, (max(-k, 0), max(k, 0))), -1)
        return where(eye(x.dims[0] + abs(k), k=k), wide, 0.0)
    if x.ndim != 2 or not -x.dims[0] < k < x.dims[1]:
        raise ValueError(f"one axis, or two with a diagonal {k}, are needed; got shape {x.shape}")
    rows, columns = x.dims
    begin = max(k, -k * columns)
    return cut(reshape(x, -1), 0, begin, columns + 1, min(rows - max(-k, 0), columns - max(k, 0)))


def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """Returns the coordinates of a grid: for each axis, which of its numbers each point has; as a list.

    Args:
        x: The numbers of each axis, in one row, or what stands for them; there is no batch axis.
        indexing: "xy" exchanges the first two axes of the result; "ij" does not.

    Example:
        >>> meshgrid([1.0, 2.0], [3.0])
        [array([[1., 2.]], dtype=float32), array([[3., 3.]], dtype=float32)]
    """
    return _meshgrid(list(x), indexing)


@operation("*x")
def _meshgrid(x: Sequence[Any], indexing: str) -> Any:
    _, *values = on_graph(*x)
    if indexing not in ("xy", "ij") or any(value.rows or value.ndim != 1 for value in values):
        raise ValueError(
            f"rows of numbers without a batch axis and indexing 'xy' or 'ij' are needed, got shapes "
            f"{[value.shape for value in values]} and {indexing!r}"
        )
    order = list(range(len(values)))
    if indexing == "xy":
        order[:2] = order[:2][::-1]
    shape = [values[i].dims[0] for i in order]
    return [
        broadcast_to(reshape(value, [-1 if i == own else 1 for i in order]), shape)
        for own, value in enumerate(values)
    ]
