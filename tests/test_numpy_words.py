"""Words that NumPy has, each a row: forward and backward against NumPy in float64, on arrays and in models.

Element by element: test_words.py; along any axes: test_reductions.py; moves: test_move_words.py.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.numerical import numerical_gradient

from cnnfast import Input, Model, ops
from cnnfast.layers.tracing import Tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network
from cnnfast.utils.nest import leaves

Floats = NDArray[Any]
NAN, INF = math.nan, math.inf


@dataclass(frozen=True)
class Row:
    """A word with `m` NumPy or ours, shapes of its arguments, and which of them begin with the batch."""

    name: str
    of: Callable[..., Any] = field(repr=False)
    shapes: tuple[tuple[int, ...], ...] = ((4, 3, 5),)
    batches: int = 0  # so many, the first ones
    smooth: bool = True  # has a gradient

    def __str__(self) -> str:
        return f"{self.name}{'-batch' * (self.batches > 0)}"

    def arguments(self) -> list[NDArray[np.float32]]:
        rng = np.random.default_rng(len(self.name))
        return [rng.normal(size=shape).astype(np.float32) for shape in self.shapes]


def _whole(word: Callable[..., Any], m: Any, *x: Any) -> Any:
    """Of whole numbers, the second from 0 on."""
    first, *rest = (m.round(4 * each) for each in x)
    given = (first, *(m.abs(each) for each in rest))
    return word(*(each.astype(int) for each in given)).astype(float) if m is np else word(*given)


VECTORS = ((4, 5, 3), (4, 5, 3))
METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
SORTED = np.linspace(-2, 2, 9)
ROWS = [
    *(Row(f"quantile-{way}", lambda m, x, way=way: m.quantile(x, 0.3, 1, method=way)) for way in METHODS),
    Row("quantile", lambda m, x: m.quantile(x, 0.6, axis=(1, 2), keepdims=True), batches=1),
    Row("quantile-more", lambda m, x: m.quantile(x, [[0.0, 0.25], [0.5, 1.0]], axis=1, keepdims=True)),
    Row("percentile", lambda m, x: m.percentile(x, 35, axis=-1), batches=1),
    Row("median", lambda m, x: [m.median(x), m.median(x, axis=(0, 2)), m.median(x, 1, keepdims=True)]),
    Row("nanquantile", lambda m, x: m.nanquantile(x, [0.1, 0.9], axis=(0, 2), keepdims=True)),
    Row("nanpercentile", lambda m, x: m.nanpercentile(x, 35, axis=1), batches=1),
    Row("nanmedian", lambda m, x: m.nanmedian(x, axis=-1), batches=1),
    Row("nancumsum", lambda m, x: m.nancumsum(x, axis=1), batches=1),
    Row("nancumprod", lambda m, x: m.nancumprod(x)),
    Row("diff", lambda m, x: [m.diff(x), m.diff(x, 2, axis=1), m.diff(x, 0)], batches=1),
    Row("trapezoid", lambda m, x: [m.trapezoid(x), m.trapezoid(x, dx=0.5, axis=1)], batches=1),
    Row("trapezoid-at", lambda m, x, y: m.trapezoid(x, y, axis=1), ((4, 3, 5), (3,)), 1),
    Row("trapezoid-each", lambda m, x, y: m.trapezoid(x, y), ((4, 3, 5), (4, 3, 5)), 2),
    Row("trace", lambda m, x: [m.trace(x), m.trace(x, 1, 2, 1)]),
    Row("trace", lambda m, x: m.trace(x, -1, 1, 2), batches=1),
    Row("cross", lambda m, x, y: m.cross(x, y), VECTORS, 2),
    Row("cross-axes", lambda m, x, y: m.cross(x, y, 1, 2, 0), ((4, 3, 5), (4, 5, 3))),
    Row("cross-axis", lambda m, x, y: m.cross(x, y, axis=1), ((4, 3, 5), (4, 3, 5))),
    Row("kron", lambda m, x, y: [m.kron(x, y), m.kron(y, x)], ((2, 3), (2, 1, 4))),
    Row("corrcoef", lambda m, x: m.corrcoef(x), ((3, 7),)),
    *(
        Row(f"correlate-{mode}", lambda m, x, y, mode=mode: m.correlate(x, y, mode), shapes)
        for mode in ("valid", "same", "full")
        for shapes in (((7,), (3,)), ((6,), (4,)), ((3,), (8,)), ((4,), (7,)))
    ),
    Row("vander", lambda m, x: [m.vander(x), m.vander(x, 3, True)], ((4,),)),
    Row("select", lambda m, x, y: m.select([x > 0.5, x > -0.5], [x, y], 2.0), ((4, 3), (4, 3)), 2),
    Row("searchsorted", lambda m, x: m.searchsorted(SORTED, x), smooth=False),
    Row("searchsorted-right", lambda m, x: m.searchsorted(SORTED, x, "right"), smooth=False),
    *(
        Row(
            name,
            lambda m, x, y, name=name: _whole(getattr(m, name), m, x, y),
            ((4, 3), (3,)),
            1,
            smooth=False,
        )
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm")
    ),
    Row("bitwise_invert", lambda m, x: _whole(m.bitwise_invert, m, x), batches=1, smooth=False),
    Row("digitize", lambda m, x: m.digitize(x, SORTED), batches=1, smooth=False),
    Row("isin", lambda m, x: [m.isin(m.round(x), [1, 0]), m.isin(m.round(x), 1, invert=True)], smooth=False),
]


def _network(row: Row, x: list[Floats]) -> Any:
    graph = Tracing()
    with graph.within():
        values = [
            graph.value(graph.input(each.shape[i < row.batches :], f"x{i}", int(i < row.batches)))
            for i, each in enumerate(x)
        ]
        made = row.of(ops, *values)
    return new_network(graph, [value.number for value in leaves(made)], workspace())


def _close(got: Any, want: Any, **tolerance: float) -> None:
    for one, other in zip(leaves(got), leaves(want), strict=True):
        assert one.shape == np.shape(other)
        np.testing.assert_allclose(one, other, **{"rtol": 1e-5, "atol": 3e-6, **tolerance})


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_forward(row: Row, isa: str) -> None:
    x = row.arguments()
    want = row.of(np, *(each.astype(float) for each in x))
    got = row.of(ops, *x)
    assert all(each.dtype == np.float32 for each in leaves(got))
    _close(got, want)
    _close(_network(row, x).predict(x), leaves(want))


@pytest.mark.parametrize("row", [row for row in ROWS if row.batches], ids=str)
def test_symbolic_tensors(row: Row) -> None:
    x = row.arguments()
    sources = [Input(each.shape[1:]) for each in x[: row.batches]]
    made = Model(sources, leaves(row.of(ops, *sources, *x[row.batches :])))
    want = leaves(row.of(ops, *x))
    got = leaves(made.predict(x[: row.batches], verbose=0))
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("row", [row for row in ROWS if row.smooth], ids=str)
def test_backward(row: Row, threads: Any) -> None:
    x = row.arguments()
    wide = [each.astype(float) for each in x]
    rng = np.random.default_rng(8)
    weights = [rng.normal(size=np.shape(each)).astype(np.float32) for each in leaves(row.of(np, *wide))]
    results = []
    for count in (1, 3):
        threads(count)
        results.append(_network(row, x).vjp(x, weights)[0])
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)

    def total() -> float:
        made = leaves(row.of(np, *wide))
        return float(sum((one * weight).sum() for one, weight in zip(made, weights, strict=True)))

    for got, exact in zip(results[0], wide, strict=True):
        np.testing.assert_allclose(got, numerical_gradient(total, exact), rtol=5e-4, atol=5e-4)


MISSING = np.array([[1.0, NAN, 3.0, 2.0], [NAN, NAN, NAN, NAN], [INF, 2.0, NAN, -1.0]], np.float32)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's of rows without numbers
@pytest.mark.parametrize(
    "name", ["sum", "prod", "mean", "max", "min", "var", "std", "median", "cumsum", "cumprod"]
)
def test_missing_numbers(name: str) -> None:
    for axis in (0, 1, None):
        want = getattr(np, f"nan{name}")(MISSING, axis=axis)
        np.testing.assert_allclose(getattr(ops, f"nan{name}")(MISSING, axis=axis), want, rtol=1e-6)
    assert ops.nanargmax(MISSING, 1).tolist() == [2, -1, 0]
    assert ops.nanargmin(MISSING, 1).tolist() == [0, -1, 3]
    gradient = ops.grad(lambda x: ops.nansum(ops.square(x)))(np.array([1.0, NAN, 3.0], np.float32))
    assert gradient[[0, 2]].tolist() == [2, 6]


def test_one_that_is_missing_is_the_quantile() -> None:
    np.testing.assert_array_equal(ops.median(MISSING, axis=1), [NAN, NAN, NAN])
    np.testing.assert_array_equal(ops.nan_to_num(MISSING, 5, 6)[2], [6, 2, 5, -1])


def test_angles_of_special_points(isa: str) -> None:
    x = np.array([0.0, -0.0, 1.0, -1.0, 1e-30, -3e38, INF, -INF], np.float32)
    one, other = (each.ravel() for each in np.meshgrid(x, x))
    with np.errstate(all="ignore"):
        both = np.isfinite(one) | np.isfinite(other)
        got, want = ops.arctan2(one, other), np.arctan2(one.astype(float), other.astype(float))
        np.testing.assert_allclose(got[both], want[both], rtol=1e-6)
        np.testing.assert_array_equal(np.signbit(got[both]), np.signbit(want[both]))
        for name in ("arctan", "arcsinh", "arctanh", "arccosh", "arcsin", "arccos", "cbrt", "sinc", "i0"):
            near = x if name not in ("sinc", "i0") else x[:5]
            want = getattr(np, name)(near.astype(float))
            np.testing.assert_allclose(
                getattr(ops, name)(near), want, rtol=2e-6, atol=5e-8 * (name == "sinc"), err_msg=name
            )
        np.testing.assert_allclose(ops.hypot(one, other), np.hypot(one, other), rtol=1e-6)


def test_equal_but_for_rounding() -> None:
    one, other = np.array([1.0, INF, INF, NAN, 2.0]), np.array([1.000001, INF, -INF, NAN, INF])
    for equal_nan in (False, True):
        want = np.isclose(one, other, equal_nan=equal_nan)
        np.testing.assert_array_equal(ops.isclose(one, other, equal_nan=equal_nan), want)
    assert ops.allclose(one[:2], other[:2]) == 1
    assert ops.allclose(one, other) == 0


def test_words_of_arrays_alone() -> None:
    x = np.array([3, 1, 3, 0, 7])
    np.testing.assert_array_equal(ops.bincount(x, minlength=9), np.bincount(x, minlength=9))
    np.testing.assert_array_equal(ops.bincount(x, x / 2), np.bincount(x, x / 2))
    rows = ops.bincount([x, x[::-1]], [x, x])
    np.testing.assert_array_equal(rows, [np.bincount(x, x), np.bincount(x[::-1], x)])
    _close(ops.histogram(x, 3), np.histogram(x, 3))
    _close(ops.histogram(x, 3, (1, 4)), np.histogram(x, 3, (1, 4)))
    _close(ops.where(x > 2), np.where(x > 2))
    _close(ops.unique(x, return_index=True, return_counts=True), np.unique(x, True, False, True))
    numbers, index = ops.unique(x, return_index=True, size=6, fill_value=9)
    assert (numbers.tolist(), index.tolist()) == ([0, 1, 3, 7, 9, 9], [3, 1, 0, 4, 1, 1])
    assert ops.unique(x, size=2).tolist() == [0, 1]
    for word in (ops.unique, ops.nonzero, ops.bincount, ops.histogram, ops.view):
        with pytest.raises(TypeError, match=r"takes arrays only: .*SymbolicTensor"):
            word(Input((3,)))


def test_indices_of_many_axes() -> None:
    shape = (7, 11, 13)
    indices = np.arange(math.prod(shape))
    _close(ops.unravel_index(indices, shape), np.unravel_index(indices, shape), atol=0, rtol=0)
    assert [float(each) for each in ops.unravel_index(-1, shape)] == [6, 10, 12]


def test_next_numbers() -> None:
    one, other = np.array([1.0, -1.0, 0.0, 3.0], np.float32), np.array([2.0, 2.0, -1.0, 3.0], np.float32)
    np.testing.assert_array_equal(ops.nextafter(one, other), np.nextafter(one, other))


def test_bits_of_other_types() -> None:
    x = np.array([1.0, -2.0], np.float32)
    np.testing.assert_array_equal(ops.view(ops.view(x, "int32"), "float32"), x)
    assert ops.view(x, "uint8").shape == (8,)
    assert ops.view(x).dtype == np.float32


def test_functions_of_numbers() -> None:
    add = ops.vectorize(lambda a, b: a + b)
    assert add([1, 2, 3], 2).tolist() == [3, 4, 5]
    traces = ops.vectorize(ops.trace, signature="(d,d)->()")
    assert traces(np.arange(8.0).reshape(2, 2, 2)).tolist() == [3, 11]


def test_between_symbolic_ends() -> None:
    ends = np.array([[1.0, 2.0], [3.0, 2.5]], np.float32)
    source = Input((2,))
    for name in ("linspace", "logspace", "geomspace"):
        made = Model(source, getattr(ops, name)(source, 4.0, 5, axis=-1)).predict(ends, verbose=0)
        np.testing.assert_allclose(made, getattr(np, name)(ends, 4.0, 5, axis=-1), rtol=1e-5)


def test_smallest_and_largest_of_more() -> None:
    x = np.array([[1.0, 5.0], [2.0, 3.0]], np.float32)
    assert ops.max(x, axis=1, initial=4).tolist() == [5, 4]
    assert ops.min(x, axis=1, initial=1.5).tolist() == [1, 1.5]
    assert ops.cumsum([1.5, 2.5], dtype="int32").tolist() == [1, 3]
    assert float(ops.prod([1.5, 2.5], dtype="int32")) == 2


def test_sums_over_the_batch_are_one_for_all() -> None:
    """Symbolic tensors without a batch axis."""
    source = Input((3,))
    mean = ops.mean(source, axis=0)
    assert (mean.shape, ops.sum(source).shape) == ((3,), ())
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    away = Model(source, (source - mean) / ops.max(source)).predict(x, verbose=0)
    np.testing.assert_allclose(away, (x - x.mean(0)) / 11, rtol=1e-6)


def test_keras_names_numpys_words_by_their_module() -> None:
    from cnnfast.ops.numpy import add

    assert add is ops.numpy.add is ops.add
    assert ops.nn.relu is ops.relu
    assert "relu" not in dir(ops.numpy)
    with pytest.raises(AttributeError, match="did you mean 'softmax'"):
        ops.nn.softmx  # noqa: B018


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        (lambda: ops.quantile([1.0], 1.5), "q must be numbers from 0 to 1"),
        (lambda: ops.percentile([1.0], -1), "q must be numbers from 0 to 100"),
        (lambda: ops.quantile([1.0], 0.5, method="other"), "method must be one of 'linear'"),
        (lambda: ops.median(Input((3,))), "is the batch's"),
        (lambda: ops.quantile(Input((3,)), [0.5], 1), "q must have no batch axis, and be one number"),
        (lambda: ops.diff([1.0]), "nothing is left: axis -1"),
        (lambda: ops.trapezoid([1.0]), "two points or more are needed along axis -1"),
        (lambda: ops.diagonal(np.ones((2, 3)), 3), "2 rows and 3 columns have no diagonal 3"),
        (lambda: ops.cross(np.ones(4), np.ones(3)), "vectors of two or three numbers"),
        (lambda: ops.correlate(np.ones((2, 2)), np.ones(2)), "rows without a batch axis"),
        (lambda: ops.correlate(np.ones(2), np.ones(2), "some"), "mode must be one of 'valid'"),
        (lambda: ops.vander(np.ones((2, 2))), "one row of numbers is needed"),
        (lambda: ops.searchsorted(np.ones((2, 2)), 1.0), "one row of sorted numbers"),
        (lambda: ops.searchsorted([1.0], 1.0, "top"), "side must be one of 'left'"),
        (lambda: ops.histogram(np.ones((2, 2))), "needs one row of numbers"),
        (lambda: ops.histogram([1.0], range=(2, 1)), "range must be"),
        (lambda: ops.select([[1.0]], []), "a choice for each condition, got 0 for 1"),
        (lambda: ops.argpartition([1.0], (0, 1)), "kth must be a whole number"),
    ],
)
def test_errors_say_the_rule(does: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        does()
