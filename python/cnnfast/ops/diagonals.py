"""Diagonals of matrices, and what lies below and above them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.ops.axes import batch_error
from cnnfast.ops.logic import where
from cnnfast.ops.making import eye
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import sum
from cnnfast.ops.repeating import pad
from cnnfast.ops.shaping import expand_dims, ravel, shaped
from cnnfast.ops.slicing import cut
from cnnfast.ops.turning import moveaxis

if TYPE_CHECKING:
    from numpy.typing import NDArray


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> NDArray[Any]:  # noqa: N803
    """Returns a matrix with ones on a diagonal and below it, and zeros above.

    Args:
        N: Number of rows.
        M: Number of columns; None is N.
        k: Which diagonal; above 0 those on the right of the main one.
        dtype: NumPy's type of its numbers; None is "float32".

    Example:
        >>> tri(2)
        array([[1., 0.],
               [1., 1.]], dtype=float32)
    """
    return np.tri(N, M, k, dtype or np.float32)


def _triangle(x: Any, k: int, below: bool) -> Any:
    _, x = on_graph(x)
    if len(x.dims) < 2:
        raise batch_error(x) if x.rows and x.dims else ValueError(f"two axes are needed, got shape {x.shape}")
    rows, columns = x.dims[-2:]
    kept = tri(rows, columns, k if below else k - 1)
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
    if x.ndim != 2:
        raise ValueError(f"one axis or two are needed, got shape {x.shape}")
    return diagonal(x, k)


@operation("x")
def diagflat(x: Any, k: int = 0) -> Any:
    """Returns the matrix with all these numbers, in a row, on a diagonal.

    Args:
        x: Numbers, or what stands for them; there is no batch axis.
        k: Which diagonal; above 0 those on the right of the main one.

    Example:
        >>> diagflat([[1.0], [2.0]])
        array([[1., 0.],
               [0., 2.]], dtype=float32)
    """
    return diag(ravel(x), k)


@operation("x")
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Returns the diagonals of matrices, along the last axis.

    Args:
        x: Numbers of two axes or more, or what stands for them.
        offset: Which diagonal; above 0 those on the right of the main one.
        axis1: The axis of the rows.
        axis2: That of the columns.

    Raises:
        ValueError: If there is no such diagonal, or an axis is the batch's.

    Example:
        >>> diagonal([[1.0, 2.0], [3.0, 4.0]])
        array([1., 4.], dtype=float32)
    """
    _, x = on_graph(x)
    last = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = last.dims[-2:]
    if not -rows < offset < columns:
        raise ValueError(f"{rows} rows and {columns} columns have no diagonal {offset}")
    size = min(rows - max(-offset, 0), columns - max(offset, 0))
    flat = shaped(last, (*last.shape[:-2], rows * columns))
    return cut(flat, len(flat.dims) - 1, max(offset, -offset * columns), columns + 1, size)


@operation("x")
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Returns the sums of the diagonals of matrices.

    Args:
        x: Numbers of two axes or more, or what stands for them.
        offset: Which diagonal; above 0 those on the right of the main one.
        axis1: The axis of the rows.
        axis2: That of the columns.

    Raises:
        ValueError: If there is no such diagonal, or an axis is the batch's.

    Example:
        >>> float(trace([[1.0, 2.0], [3.0, 4.0]]))
        5.0
    """
    return sum(diagonal(x, offset, axis1, axis2), -1)
