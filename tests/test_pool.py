"""Maximum and average pooling, forward and gradient, against the oracle."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from reference import pool as reference
from support.nets import single
from support.numerical import assert_within

from cnnfast import _core, layers, ops

SIZES = [(2, 2), (3, 3), (2, 3), (1, 1)]
PADDINGS: list[Any] = ["valid", "same", ((1, 0), (0, 1))]


@dataclass(frozen=True)
class PoolCase:
    """One problem; `count_include_pad` matters to the average alone."""

    batch: int
    channels: int
    image: tuple[int, int]
    pool_size: tuple[int, int]
    strides: tuple[int, int]
    padding: Any
    ceil_mode: bool
    data_format: Any
    count_include_pad: bool

    def __str__(self) -> str:
        pad = self.padding if isinstance(self.padding, str) else "explicit"
        sizes = f"{self.batch}x{self.channels}x{self.image[0]}x{self.image[1]}"
        flags = "ceil" * self.ceil_mode + "count" * self.count_include_pad
        return f"{sizes}-{self.pool_size}{self.strides}-{pad}-{flags}-{self.data_format[9:]}".replace(" ", "")

    @property
    def shape(self) -> tuple[int, ...]:
        last = self.data_format == "channels_last"
        return (*self.image, self.channels) if last else (self.channels, *self.image)

    def arguments(self, average: bool) -> dict[str, Any]:
        names = ["pool_size", "strides", "padding", "data_format", "ceil_mode"]
        return {name: getattr(self, name) for name in names + ["count_include_pad"] * average}

    def x(self) -> np.ndarray:
        """Values of which many are equal, so that the order of ties matters."""
        rng = np.random.default_rng(7)
        return rng.integers(-8, 8, (self.batch, *self.shape)).astype(np.float32)

    def network(self, average: bool) -> "_core.Network":
        def add(graph: "_core.Graph", src: int) -> int:
            common = self.pool_size, self.strides, self.padding, self.ceil_mode
            if average:
                return graph.average_pool(src, *common, self.count_include_pad, self.data_format, "pool")
            return graph.max_pool(src, *common, self.data_format, "pool")

        return single(self.shape, add)


def _cases() -> Iterator[PoolCase]:
    factors = [1, 16, 17], [1, 3, 16, 17], [(8, 9), (7, 6)], SIZES, [(1, 1), (2, 2), (3, 2)], PADDINGS
    modes = [False, True], ["channels_last", "channels_first"], [False, True]
    for values in itertools.product(*factors, *modes):
        case = PoolCase(*values)
        # Whether a window's overhang past the border counts as padding differs between libraries.
        disputed = case.ceil_mode and case.count_include_pad
        # An explicit border as wide as the window makes windows without a single cell.
        empty = case.pool_size == (1, 1) and not isinstance(case.padding, str)
        if not disputed and not empty:
            yield case


CASES = list(_cases())
KINDS = ["max", "average"]


def _expected(case: PoolCase, average: bool, x: np.ndarray) -> np.ndarray:
    return (reference.average_pool if average else reference.max_pool)(x, **case.arguments(average))


def _expected_grad(case: PoolCase, average: bool, x: np.ndarray, grad: np.ndarray) -> np.ndarray:
    return (reference.average_pool_grad if average else reference.max_pool_grad)(
        x, grad, **case.arguments(average)
    )


def check(
    case: PoolCase,
    average: bool,
    forward: Callable[[np.ndarray], np.ndarray],
    backward: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> None:
    x = case.x()
    expected = _expected(case, average, x)
    cells = case.pool_size[0] * case.pool_size[1]
    if average:
        assert_within(forward(x), expected, _expected(case, True, np.abs(x)), cells + 1, "output")
    else:
        np.testing.assert_array_equal(forward(x), expected)
    grad = np.random.default_rng(8).normal(size=expected.shape).astype(np.float32)
    bound = _expected_grad(case, average, x, np.abs(grad))
    assert_within(backward(x, grad), _expected_grad(case, average, x, grad), bound, cells + 1, "grad_x")


@pytest.mark.sweep(CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_sweep(case: PoolCase, kind: str, isa: str) -> None:
    network = case.network(kind == "average")
    check(case, kind == "average", network.predict, lambda x, grad: network.vjp(x, grad)[0])


@pytest.mark.sweep(CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_ops(case: PoolCase, kind: str) -> None:
    average = kind == "average"
    forward = ops.average_pool if average else ops.max_pool
    backward = ops.average_pool_grad if average else ops.max_pool_grad
    arguments = case.arguments(average)
    check(case, average, lambda x: forward(x, **arguments), lambda x, grad: backward(x, grad, **arguments))


@pytest.mark.parametrize("kind", KINDS)
def test_strides_default_to_the_window(kind: str) -> None:
    x = np.arange(2 * 6 * 6 * 3, dtype=np.float32).reshape(2, 6, 6, 3)
    pool = ops.max_pool if kind == "max" else ops.average_pool
    np.testing.assert_array_equal(pool(x, 3), pool(x, (3, 3), strides=(3, 3)))


@pytest.mark.parametrize("kind", KINDS)
def test_window_of_the_whole_image(kind: str, isa: str) -> None:
    case = PoolCase(3, 17, (7, 6), (7, 6), (7, 6), "valid", False, "channels_last", False)
    network = case.network(kind == "average")
    check(case, kind == "average", network.predict, lambda x, grad: network.vjp(x, grad)[0])


def test_negative_image_with_padding(isa: str) -> None:
    """Padding does not exist for the maximum: it must not win against negative cells."""
    case = PoolCase(2, 3, (5, 5), (3, 3), (2, 2), "same", False, "channels_last", False)
    out = case.network(False).predict(np.full((2, 5, 5, 3), -7, np.float32))
    assert (out == -7).all()


def test_infinities_and_lowest_values(isa: str) -> None:
    case = PoolCase(1, 1, (2, 4), (2, 2), (2, 2), "valid", False, "channels_last", False)
    x = np.array([[-np.inf, -np.inf, np.inf, 1], [-np.inf, -np.inf, 2, 3]], np.float32).reshape(1, 2, 4, 1)
    network = case.network(False)
    assert network.predict(x).ravel().tolist() == [-np.inf, np.inf]
    grad = network.vjp(x, np.ones((1, 1, 2, 1), np.float32))[0]
    assert grad.ravel().tolist() == [1, 0, 1, 0, 0, 0, 0, 0]


def test_nan_is_not_hidden(isa: str) -> None:
    """A NaN anywhere in a window shows in the output, as in NumPy, so that a broken model is seen."""
    case = PoolCase(1, 1, (2, 2), (2, 2), (2, 2), "valid", False, "channels_last", False)
    for position in range(4):
        x = np.arange(4, dtype=np.float32)
        x[position] = np.nan
        assert np.isnan(case.network(False).predict(x.reshape(1, 2, 2, 1))).all(), (
            f"NaN at {position} is lost"
        )


# Window, strides, padding; maxima and means of [[1, 2, 3], [4, 5, 6]], padding not counted and counted, in
# ceil_mode, from PyTorch 2.13.
CEIL_MODE = [
    ((3, 3), (3, 3), 0, [[6]], [[3.5]], [[3.5]]),
    ((4, 4), (4, 4), 0, [[6]], [[3.5]], [[3.5]]),
    ((4, 5), (3, 3), 1, [[6]], [[3.5]], [[1.05]]),
    ((5, 5), (5, 5), 2, [[6]], [[3.5]], [[0.84]]),
    ((3, 2), (3, 2), 0, [[5, 6]], [[3, 4.5]], [[3, 4.5]]),
    ((4, 2), (4, 2), 1, [[4, 6]], [[2.5, 4]], [[0.625, 2]]),
    ((3, 4), (2, 2), 1, [[6, 6], [6, 6]], [[3.5, 4], [5, 5.5]], [[1.75, 16 / 9], [1.875, 11 / 6]]),
    # These PyTorch refuses, as the window could move on within the image's size: one window all the same.
    ((9, 9), (1, 1), 0, [[6]], [[3.5]], [[3.5]]),
    ((9, 2), (2, 1), 0, [[5, 6]], [[3, 4]], [[3, 4]]),
]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("case", CEIL_MODE, ids=str)
def test_ceil_mode_with_a_large_window(case: tuple[Any, ...], data_format: Any, isa: str) -> None:
    window, strides, pad, maxima, means, counted = case
    padding = ((pad, pad), (pad, pad))
    x = np.arange(1, 7, dtype=np.float32).reshape(1, 2, 3, 1)
    if data_format == "channels_first":
        x = x.transpose(0, 3, 1, 2)
    options = {"data_format": data_format, "ceil_mode": True}
    out = ops.max_pool(x, window, strides, padding, **options)
    np.testing.assert_array_equal(out.ravel(), np.ravel(maxima))
    for include, expected in ((False, means), (True, counted)):
        out = ops.average_pool(x, window, strides, padding, count_include_pad=include, **options)
        np.testing.assert_allclose(out.ravel(), np.ravel(expected), rtol=1e-6)
    layer = layers.MaxPooling2D(window, strides, padding, data_format, ceil_mode=True)
    assert layer(x).ravel().tolist() == np.ravel(maxima).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_a_window_larger_than_the_image(kind: str, isa: str) -> None:
    case = PoolCase(17, 3, (4, 2), (6, 3), (6, 3), ((1, 2), (1, 0)), True, "channels_last", False)
    network = case.network(kind == "average")
    check(case, kind == "average", network.predict, lambda x, grad: network.vjp(x, grad)[0])


def test_without_ceil_mode_a_large_window_is_refused() -> None:
    with pytest.raises(ValueError, match="window must not be larger than its input"):
        ops.max_pool(np.zeros((1, 2, 3, 1), np.float32), 3)
