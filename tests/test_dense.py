"""Dense layers, forward and all three gradients, for sizes around every tile."""

import itertools
from typing import Any

import numpy as np
import pytest
from reference.dense import dense, dense_grad
from support.nets import dense_network, set_weights
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
