"""Words that join the numbers along an axis step by step: forward and backward against NumPy in float64, on
arrays and in models; every instruction set; 1 against 3 threads.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.numerical import numerical_gradient

import cnnfast
from cnnfast import Model, ops
from cnnfast.layers import Input
from cnnfast.layers.tracing import Tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network

Floats = NDArray[Any]


def _glu(x: Floats, axis: int) -> Floats:
    values, gates = np.split(x, 2, axis)
    return values / (1 + np.exp(-gates))


def _sparsemax(x: Floats, axis: int) -> Floats:
    """The nearest vector of probabilities, by bisection for the threshold."""
    high = x.max(axis, keepdims=True)
    low = high - 1
    for _ in range(60):
        middle = (low + high) / 2
        above = np.maximum(x - middle, 0).sum(axis, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.maximum(x - low, 0)


@dataclass(frozen=True)
class Word:
    """One row."""

    name: str
    oracle: Callable[..., Floats] = field(repr=False)
    shape: tuple[int, ...]
    axis: int

    def __str__(self) -> str:
        return f"{self.name}-{self.shape}-{self.axis}"

    def __call__(self, x: Any) -> Any:
        return getattr(ops, self.name)(x, axis=self.axis)

    def x(self) -> Floats:
        return np.random.default_rng(7).normal(0.5, 1, self.shape).astype(np.float32)


ROWS = [
    Word(name, oracle, shape, axis)
    for name, oracle, shapes in (
        ("cumsum", np.cumsum, [(3, 1, 4), (3, 2, 4), (3, 17, 4), (2, 64, 3)]),
        ("cumprod", np.cumprod, [(3, 1, 4), (3, 2, 4), (3, 7, 4), (2, 16, 3)]),
        ("glu", _glu, [(3, 2, 4), (3, 6, 32), (2, 40, 4)]),
        ("sparsemax", _sparsemax, [(3, 1, 4), (3, 5, 2), (2, 33, 4)]),
    )
    for shape in shapes
    for axis in (1, -1)
    if not (name == "glu" and shape[axis] % 2)
]


@pytest.mark.parametrize("word", ROWS, ids=str)
def test_forward(word: Word, isa: str) -> None:
    x = word.x()
    want = word.oracle(x.astype(np.float64), axis=word.axis)
    np.testing.assert_allclose(word(x), want, rtol=1e-5, atol=1e-5)
    made = Model(source := Input(word.shape[1:]), word(source))
    np.testing.assert_allclose(made.predict(x, verbose=0), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("word", ROWS, ids=str)
def test_backward(word: Word) -> None:
    x = word.x()
    graph = Tracing()
    with graph.within():
        out = word(graph.value(graph.input(word.shape[1:], "x")))
    net = new_network(graph, [out.number], workspace())
    grad_out = np.random.default_rng(8).normal(size=word.oracle(x, axis=word.axis).shape).astype(np.float32)
    before = cnnfast.get_num_threads()
    grads = []
    for threads in (1, 3):
        cnnfast.set_num_threads(threads)
        grads.append(net.vjp([x], [grad_out])[0][0])
    cnnfast.set_num_threads(before)
    np.testing.assert_array_equal(grads[0], grads[1])
    exact = x.astype(np.float64)
    want = numerical_gradient(lambda: float((grad_out * word.oracle(exact, axis=word.axis)).sum()), exact)
    np.testing.assert_allclose(grads[0], want, rtol=2e-4, atol=2e-4)


def test_all_numbers_in_one_row() -> None:
    x = np.arange(1.0, 7.0).reshape(2, 3)
    np.testing.assert_array_equal(ops.cumsum(x), np.cumsum(x))
    np.testing.assert_array_equal(ops.cumprod(x), np.cumprod(x))


def test_the_batch_is_no_axis() -> None:
    for word in (ops.cumsum, ops.cumprod, ops.sparsemax, ops.glu):
        with pytest.raises(ValueError, match="batch"):
            word(Input((4, 4)), axis=0)
