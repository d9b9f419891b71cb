"""Linear algebra by Keras's names.

What decomposes or solves is done by NumPy, in float64 and by one thread, and rounded to float32; so it is in
models, where a batch is one of matrices. Gradients are told with each; they are those of the exact functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cnnfast.layers.tracing import Value
from cnnfast.ops.diagonals import tril, triu
from cnnfast.ops.matrices import matmul
from cnnfast.ops.numpy_function import by_numpy
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import norm
from cnnfast.ops.turning import swapaxes
from cnnfast.utils.arguments import one_of
from cnnfast.utils.missing import missing

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eigh",
    "inv",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "solve",
    "solve_triangular",
    "svd",
]

Array = Any


def _matrices(x: Any, name: str, square: bool = False) -> Value:
    value: Value
    _, value = on_graph(x)
    if len(value.dims) < 2 or (square and value.dims[-1] != value.dims[-2]):
        kind = "square matrices" if square else "matrices"
        raise ValueError(f"ops.{name} takes {kind}, whose axes are the last two; got shape {value.shape}")
    return value


def _turned(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _diagonals(x: Array) -> Array:
    """Vectors as diagonal matrices."""
    return x[..., None] * np.eye(x.shape[-1])


@operation("x")
def det(x: Any) -> Any:
    """Returns determinants.

    Gradient: det(x) x^-T; x must not be singular for it.

    Args:
        x: Square matrices, or what stands for them.

    Shapes:
        (..., m, m) -> (...)

    Raises:
        ValueError: If they are not square.

    Source:
        Keras 3, `keras.ops.det`.

    Example:
        >>> float(det([[1.0, 2.0], [3.0, 5.0]]))
        -1.0
    """
    value = _matrices(x, "det", square=True)

    def backward(a: Array, grads: Any) -> Array:
        return (grads[0] * np.linalg.det(a))[..., None, None] * _turned(np.linalg.inv(a))

    return by_numpy("det", [value], [value.dims[:-2]], lambda a: [np.linalg.det(a)], backward)[0]


@operation("x")
def slogdet(x: Any) -> Any:
    """Returns signs of determinants, and logarithms of their absolute values, as a tuple.

    Gradient: of the logarithms, x^-T

    Args:
        x: Square matrices, or what stands for them.

    Shapes:
        (..., m, m) -> (...), (...)

    Raises:
        ValueError: If they are not square.

    Source:
        Keras 3, `keras.ops.slogdet`.

    Example:
        >>> sign, logarithm = slogdet([[-1.0, 0.0], [0.0, 1.0]])
        >>> float(sign), float(logarithm)
        (-1.0, 0.0)
    """
    value = _matrices(x, "slogdet", square=True)

    def forward(a: Array) -> Any:
        return list(np.linalg.slogdet(a))

    def backward(a: Array, grads: Any) -> Array:
        return grads[1][..., None, None] * _turned(np.linalg.inv(a))

    return tuple(by_numpy("slogdet", [value], [value.dims[:-2]] * 2, forward, backward))


@operation("x")
def logdet(x: Any) -> Any:
    """Returns logarithms of the determinants' absolute values.

    Gradient: x^-T

    Args:
        x: Square matrices, or what stands for them.

    Shapes:
        (..., m, m) -> (...)

    Raises:
        ValueError: If they are not square.

    Source:
        Keras 3, `keras.ops.logdet`.

    Example:
        >>> float(logdet([[1.0, 0.0], [0.0, 1.0]]))
        0.0
    """
    return slogdet(_matrices(x, "logdet", square=True))[1]


@operation("x")
def inv(x: Any) -> Any:
    """Returns inverse matrices.

    Gradient: -y^T g y^T, of the inverse y and the gradient g by it.

    Args:
        x: Square matrices, or what stands for them.

    Raises:
        ValueError: If they are not square, or singular.

    Source:
        Keras 3, `keras.ops.inv`.

    Example:
        >>> inv([[2.0, 0.0], [0.0, 4.0]])
        array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    value = _matrices(x, "inv", square=True)

    def backward(a: Array, grads: Any) -> Array:
        y = _turned(np.linalg.inv(a))
        return -y @ grads[0] @ y

    return by_numpy("inv", [value], [value.dims], lambda a: [np.linalg.inv(a)], backward)[0]


@operation("a", "b")
def solve(a: Any, b: Any) -> Any:
    """Returns the x for which a @ x = b.

    Gradient: by b it is a^-T g, of the gradient g by x; by a it is that, times -x^T.

    Args:
        a: Square matrices, or what stands for them.
        b: Matrices, or a vector for each of a's.

    Shapes:
        (..., m, m), (..., m) or (..., m, n) -> as b

    Raises:
        ValueError: If shapes do not fit, or a matrix is singular.

    Source:
        Keras 3, `keras.ops.solve`.

    Example:
        >>> solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 2.0])
        array([0.5, 0.5], dtype=float32)
    """
    left = _matrices(a, "solve", square=True)
    _, right = on_graph(b)
    vectors = right.ndim == left.ndim - 1
    fits = right.dims[: len(left.dims) - 1] == left.dims[:-1]
    if right.ndim not in (left.ndim - 1, left.ndim) or right.rows != left.rows or not fits:
        raise ValueError(
            "ops.solve needs a of shape (..., m, m) and b of shape (..., m) or (..., m, n), got "
            f"{left.shape} and {right.shape}"
        )

    def solved(matrix: Array, columns: Array) -> Array:
        return (
            np.linalg.solve(matrix, columns[..., None])[..., 0]
            if vectors
            else np.linalg.solve(matrix, columns)
        )

    def backward(matrix: Array, columns: Array, grads: Any) -> Any:
        by_b, x = solved(_turned(matrix), grads[0]), solved(matrix, columns)
        return [-(by_b[..., None] * x[..., None, :] if vectors else by_b @ _turned(x)), by_b]

    return by_numpy("solve", [left, right], [right.dims], lambda m, c: [solved(m, c)], backward)[0]


@operation("a", "b")
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """Returns the x for which a @ x = b, of triangular matrices a; the other half of them is not read.

    Args:
        a: Square matrices, or what stands for them.
        b: Matrices, or a vector for each of a's.
        lower: Whether it is the half below the diagonal that counts.

    Raises:
        ValueError: If shapes do not fit, or a matrix is singular.

    Source:
        Keras 3, `keras.ops.solve_triangular`.

    Example:
        >>> solve_triangular([[1.0, 2.0], [0.0, 5.0]], [2.0, 10.0])
        array([-2.,  2.], dtype=float32)
    """
    value = _matrices(a, "solve_triangular", square=True)
    return solve(tril(value) if lower else triu(value), b)


@operation("x")
def cholesky(x: Any, upper: bool = False) -> Any:
    """Returns the triangular matrices whose products with their transposes are x.

    Gradient: that of symmetric matrices, the same on both sides of the diagonal.

    Args:
        x: Symmetric positive definite matrices, or what stands for them; the half below the diagonal is read.
        upper: Whether the factor of numbers above the diagonal is wanted.

    Raises:
        ValueError: If they are not square, or not positive definite.

    Source:
        Keras 3, `keras.ops.cholesky`; Murray, Differentiation of the Cholesky decomposition, 2016.

    Example:
        >>> cholesky([[4.0, 2.0], [2.0, 5.0]])
        array([[2., 0.],
               [1., 2.]], dtype=float32)
    """
    value = _matrices(x, "cholesky", square=True)

    def backward(a: Array, grads: Any) -> Array:
        factor = np.linalg.cholesky(a)
        half = np.tril(np.ones(a.shape[-2:])) - 0.5 * np.eye(a.shape[-1])
        inner = half * (_turned(factor) @ np.tril(grads[0]))
        y = np.linalg.inv(factor)
        made = _turned(y) @ inner @ y
        return (made + _turned(made)) / 2

    made = by_numpy("cholesky", [value], [value.dims], lambda a: [np.linalg.cholesky(a)], backward)[0]
    return swapaxes(made, -1, -2) if upper else made


@operation("x")
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """Returns the inverses of the matrices whose `cholesky` factors are x.

    Args:
        x: Triangular matrices, or what stands for them.
        upper: Whether they have numbers above the diagonal.

    Raises:
        ValueError: If they are not square, or singular.

    Source:
        Keras 3, `keras.ops.cholesky_inverse`.

    Example:
        >>> cholesky_inverse([[2.0, 0.0], [0.0, 1.0]])
        array([[0.25, 0.  ],
               [0.  , 1.  ]], dtype=float32)
    """
    value = _matrices(x, "cholesky_inverse", square=True)
    y = inv(triu(value) if upper else tril(value))
    other = swapaxes(y, -1, -2)
    return matmul(y, other) if upper else matmul(other, y)


@operation("x")
def eigh(x: Any) -> Any:
    """Returns eigenvalues and eigenvectors of symmetric matrices, the smallest value first.

    Gradient: that of symmetric matrices; eigenvalues must differ for the one of vectors.

    Args:
        x: Symmetric matrices, or what stands for them; the half below the diagonal is read.

    Shapes:
        (..., m, m) -> (..., m) and (..., m, m), whose columns are the vectors

    Raises:
        ValueError: If they are not square.

    Source:
        Keras 3, `keras.ops.eigh`; Giles, Collected Matrix Derivative Results, 2008.

    Example:
        >>> eigh([[2.0, 0.0], [0.0, 1.0]])[0]
        array([1., 2.], dtype=float32)
    """
    value = _matrices(x, "eigh", square=True)

    def backward(a: Array, grads: Any) -> Array:
        values, vectors = np.linalg.eigh(a)
        apart = values[..., None, :] - values[..., None]
        np.copyto(apart, np.inf, where=apart == 0)
        inner = _diagonals(grads[0]) + _turned(vectors) @ grads[1] / apart
        made = vectors @ inner @ _turned(vectors)
        return (made + _turned(made)) / 2

    return tuple(by_numpy("eigh", [value], [value.dims[:-1], value.dims], np.linalg.eigh, backward))


def qr(x: Any, mode: Literal["reduced", "complete"] = "reduced") -> Any:
    """Returns matrices with orthonormal columns and triangular ones whose products are x, without a gradient.

    Args:
        x: Matrices, or what stands for them.
        mode: "reduced", or "complete" for a square first one.

    Shapes:
        (..., m, n) -> (..., m, k) and (..., k, n), where k is the smaller of m and n, or m

    Raises:
        ValueError: If x has no two axes, or mode is another.

    Source:
        Keras 3, `keras.ops.qr`.

    Example:
        >>> [each.shape for each in qr([[1.0], [2.0]])]
        [(2, 1), (1, 1)]
    """
    one_of(mode, "mode", ("reduced", "complete"))
    return _qr(x, mode)


@operation("x")
def _qr(x: Any, mode: str) -> Any:
    value = _matrices(x, "qr")
    *lead, m, n = value.dims
    k = m if mode == "complete" else min(m, n)
    dims = [(*lead, m, k), (*lead, k, n)]
    return tuple(
        by_numpy("qr", [value], dims, lambda a: np.linalg.qr(a, "complete" if k == m else "reduced"))
    )


@operation("x")
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Returns the singular value decomposition u * s @ v, the largest value first.

    Gradient: that of s; none of u and v.

    Args:
        x: Matrices, or what stands for them.
        full_matrices: Whether u and v are square; else they have as many vectors as s has values.
        compute_uv: Whether u and v are wanted; else it is s alone.

    Shapes:
        (..., m, n) -> (..., m, m), (..., k) and (..., n, n), where k is the smaller of m and n

    Raises:
        ValueError: If x has no two axes.

    Source:
        Keras 3, `keras.ops.svd`.

    Example:
        >>> svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False)
        array([4., 3.], dtype=float32)
    """
    value = _matrices(x, "svd")
    *lead, m, n = value.dims
    k = min(m, n)

    def backward(a: Array, grads: Any) -> Array:
        u, _, v = np.linalg.svd(a, full_matrices=False)
        return u * grads[0][..., None, :] @ v

    def values(a: Array) -> Any:
        return [np.linalg.svd(a, compute_uv=False)]

    s = by_numpy("svd", [value], [(*lead, k)], values, backward)[0]
    if not compute_uv:
        return s
    dims = [(*lead, m, m), (*lead, n, n)] if full_matrices else [(*lead, m, k), (*lead, k, n)]
    u, v = by_numpy("svd", [value], dims, lambda a: np.linalg.svd(a, full_matrices)[::2])
    return u, s, v


@operation("x")
def pinv(x: Any, rcond: float | None = None) -> Any:
    """Returns the pseudoinverses of Moore and Penrose.

    Gradient: that of matrices whose rank does not change.

    Args:
        x: Matrices, or what stands for them.
        rcond: The share of the largest singular value below which others count as 0; None is NumPy's.

    Shapes:
        (..., m, n) -> (..., n, m)

    Raises:
        ValueError: If x has no two axes.

    Source:
        Keras 3, `keras.ops.pinv`; Golub and Pereyra, 1973.

    Example:
        >>> pinv([[2.0], [0.0]])
        array([[0.5, 0. ]], dtype=float32)
    """
    value = _matrices(x, "pinv")
    *lead, m, n = value.dims

    def inverse(a: Array) -> Array:
        return np.linalg.pinv(a, max(m, n) * np.finfo(np.float32).eps if rcond is None else rcond)

    def backward(a: Array, grads: Any) -> Array:
        y, g = inverse(a), _turned(grads[0])
        k = g @ y
        inner = k @ _turned(y)
        return inner - a @ y @ inner - _turned(y @ k) + _turned(y) @ y @ (g - k @ a)

    return by_numpy("pinv", [value], [(*lead, n, m)], lambda a: [inverse(a)], backward)[0]


@operation("a", "b")
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """Returns the x for which the sum of squares of a @ x - b is least, and of several the shortest.

    Args:
        a: A matrix, or what stands for one.
        b: A matrix or a vector.
        rcond: As for `pinv`.

    Shapes:
        (m, n), (m,) or (m, k) -> (n,) or (n, k)

    Raises:
        ValueError: If shapes do not fit.

    Source:
        Keras 3, `keras.ops.lstsq`.

    Example:
        >>> lstsq([[1.0], [1.0]], [1.0, 3.0])
        array([2.], dtype=float32)
    """
    left = _matrices(a, "lstsq")
    _, right = on_graph(b)
    if left.ndim != 2 or right.ndim not in (1, 2) or right.dims[:1] != left.dims[:1]:
        raise ValueError(
            "ops.lstsq needs a of shape (m, n) and b of shape (m,) or (m, k), got "
            f"{left.shape} and {right.shape}"
        )
    return matmul(pinv(left, rcond), right)


@operation("x")
def matrix_rank(x: Any, tol: float | None = None) -> Any:
    """Returns how many singular values are not 0.

    Args:
        x: Matrices, or what stands for them.
        tol: Up to which value they count as 0; None is what rounding to float32 may make of 0.

    Shapes:
        (..., m, n) -> (...)

    Raises:
        ValueError: If x has no two axes.

    Source:
        Keras 3, `keras.ops.matrix_rank`.

    Example:
        >>> float(matrix_rank([[1.0, 2.0], [2.0, 4.0]]))
        1.0
    """
    value = _matrices(x, "matrix_rank")
    share = max(value.dims[-2:]) * np.finfo(np.float32).eps

    def ranks(a: Array) -> Any:
        s = np.linalg.svd(a, compute_uv=False)
        return [(s > (share * s.max(-1, keepdims=True) if tol is None else tol)).sum(-1)]

    return by_numpy("matrix_rank", [value], [value.dims[:-2]], ranks)[0]


@operation("x")
def lu_factor(x: Any) -> Any:
    """Returns triangular factors in one matrix and the rows that were exchanged, without a gradient.

    Row i was exchanged with row pivots[i], in this order; then x is lower @ upper. The diagonal of the lower
    one, 1 everywhere, is not told.

    Args:
        x: Matrices, or what stands for them.

    Shapes:
        (..., m, n) -> (..., m, n) and (..., k), where k is the smaller of m and n

    Raises:
        ValueError: If x has no two axes.

    Source:
        Keras 3, `keras.ops.lu_factor`; Golub and Van Loan, Matrix Computations, 3.4.

    Example:
        >>> factors, pivots = lu_factor([[1.0, 2.0], [2.0, 3.0]])
        >>> factors.tolist(), pivots.tolist()
        ([[2.0, 3.0], [0.5, 0.5]], [1.0, 1.0])
    """
    value = _matrices(x, "lu_factor")
    *lead, m, n = value.dims
    k = min(m, n)

    def factors(a: Array) -> Any:
        made = a.reshape(-1, m, n).copy()
        pivots = np.zeros((len(made), k))
        each = np.arange(len(made))
        for i in range(k):
            found = i + np.abs(made[:, i:, i]).argmax(-1)
            pivots[:, i] = found
            made[each, i], made[each, found] = made[each, found], made[each, i].copy()
            pivot = made[:, i : i + 1, i]
            below = made[:, i + 1 :, i]
            np.divide(below, pivot, out=below, where=pivot != 0)
            made[:, i + 1 :, i + 1 :] -= below[..., None] * made[:, i : i + 1, i + 1 :]
        return made.reshape(a.shape), pivots.reshape(*a.shape[:-2], k)

    return tuple(by_numpy("lu_factor", [value], [value.dims, (*lead, k)], factors))


if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
