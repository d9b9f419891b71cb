"""Dense layers, forward and all three gradients, for sizes around every tile."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference.dense import dense, dense_grad
from support.nets import dense_network, get_weights, set_weights, sgd
from support.numerical import assert_within

from cnnfast import ops

SIZES = [1, 2, 7, 15, 16, 17, 33, 64, 100, 257]
CASES = list(itertools.product([1, 2, 5, 16, 17, 64, 129], SIZES, SIZES))


def _arrays(batch: int, inputs: int, units: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(batch * 1000003 + inputs * 1009 + units)
    shapes = (batch, inputs), (inputs, units), (units,), (batch, units)
    return tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)


def _check_forward(got: np.ndarray, x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> None:
    bound = dense(np.abs(x), np.abs(kernel), np.abs(bias))
    assert_within(got, dense(x, kernel, bias), bound, x.shape[1] + 1, "output")


def _check_grads(got: Any, x: np.ndarray, kernel: np.ndarray, grad: np.ndarray) -> None:
    bounds = dense_grad(np.abs(x), np.abs(kernel), np.abs(grad))
    terms = kernel.shape[1], len(x), len(x)
    names = "grad_x", "grad_kernel", "grad_bias"
    for parts in zip(got, dense_grad(x, kernel, grad), bounds, terms, names, strict=True):
        assert_within(*parts)


@pytest.mark.sweep(CASES)
def test_sweep(case: tuple[int, int, int], isa: str) -> None:
    x, kernel, bias, grad = _arrays(*case)
    network = dense_network(case[1], case[2])
    set_weights(network, [kernel, bias])
    _check_forward(network.predict(x), x, kernel, bias)
    grad_x, grad_weights = network.vjp(x, grad)
    _check_grads([grad_x, *grad_weights], x, kernel, grad)


@pytest.mark.sweep(CASES)
def test_ops(case: tuple[int, int, int]) -> None:
    x, kernel, bias, grad = _arrays(*case)
    _check_forward(ops.dense(x, kernel, bias=bias), x, kernel, bias)
    _check_grads(ops.dense_grad(x, kernel, grad), x, kernel, grad)


def test_small_integers_are_exact(isa: str) -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.integers(-4, 5, (19, 300)), rng.integers(-4, 5, (300, 35))
    got = ops.dense(x.astype(np.float32), kernel.astype(np.float32))
    np.testing.assert_array_equal(got, x @ kernel)


# Around the depth of a panel (400), its columns (128), the rows and columns of tasks (256; 128 x 1024).
BLOCKS = [(3, 399, 129), (6, 400, 127), (7, 401, 128), (8, 800, 1025), (255, 130, 257), (257, 801, 130)]


@pytest.mark.parametrize("case", BLOCKS, ids=str)
def test_blocks_and_threads(case: tuple[int, int, int], threads: Callable[[int], None], isa: str) -> None:
    """Sizes around every block, whose bits do not depend on threads."""
    x, kernel, bias, grad = _arrays(*case)
    bits = set()
    for count in (1, 2, 5):
        threads(count)
        network = dense_network(case[1], case[2])
        set_weights(network, [kernel, bias])
        out = network.predict(x)
        grad_x, grad_weights = network.vjp(x, grad)
        bits.add(b"".join(a.tobytes() for a in (out, grad_x, *grad_weights)))
    assert len(bits) == 1
    _check_forward(out, x, kernel, bias)
    _check_grads([grad_x, *grad_weights], x, kernel, grad)


@pytest.mark.parametrize("case", BLOCKS, ids=str)
def test_training_moves_weights_by_the_gradient(
    case: tuple[int, int, int], threads: Callable[[int], None], isa: str
) -> None:
    """The optimizer runs inside the tasks of the weight gradient: no weight is left out or moved twice.

    Predictions keep packed weights: they follow.
    """
    x, kernel, bias, target = _arrays(*case)
    bits = set()
    for count in (1, 2, 5):
        threads(count)
        network = dense_network(case[1], case[2])
        set_weights(network, [kernel, bias])
        network.configure("mean_squared_error", False, [], sgd(1.0))
        grad = (network.predict(x) - target) * np.float32(2 / target.size)
        _, grads = network.vjp(x, grad)
        network.train_step(x, target)
        moved = get_weights(network, 2)
        bits.add(b"".join(w.tobytes() for w in moved))
        _check_forward(network.predict(x), x, *moved)
    assert len(bits) == 1
    for got, before, step in zip(moved, (kernel, bias), grads, strict=True):
        np.testing.assert_allclose(got, before - step, rtol=1e-6, atol=1e-6)


def test_bias_and_activation_are_optional() -> None:
    x, kernel, bias, _ = _arrays(5, 7, 9)
    zero = np.zeros(9, np.float32)
    np.testing.assert_array_equal(ops.dense(x, kernel), ops.dense(x, kernel, bias=zero))
    relu = ops.dense(x, kernel, bias=bias, activation="relu")
    np.testing.assert_array_equal(relu, np.maximum(ops.dense(x, kernel, bias=bias), 0))


def test_rows_do_not_depend_on_the_batch(isa: str) -> None:
    """A row's sum is the same whatever stands beside it: its bits do not change with the batch."""
    x, kernel, bias, _ = _arrays(33, 100, 40)
    network = dense_network(100, 40)
    set_weights(network, [kernel, bias])
    np.testing.assert_array_equal(network.predict(x)[:5], network.predict(x[:5]))
