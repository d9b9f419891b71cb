"""Dense layers, forward and all three gradients, for sizes around every tile."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference.dense import dense, dense_grad
from support.nets import dense_network, get_weights, set_weights, sgd
from support.numerical import assert_within

from cnnfast import Input, Model, Sequential, _core, activations, layers, ops, optimizers

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


# Vectors of columns, up to fifteen to a tile, of which the last one may lie over the one before it.
NEAR = [3, 4, 5, 7, 8, 9, 15, 16, 17, 59, 60, 61, 119, 120, 121, 127, 128, 129, 239, 240, 241, 480]


@pytest.mark.parametrize("units", NEAR)
@pytest.mark.parametrize("inputs", [1, 2, 130])
def test_one_row_times_near_weights(inputs: int, units: int, isa: str) -> None:
    """Its values, and the bits of the same row among others."""
    x, kernel, bias, _ = _arrays(7, inputs, units)
    network = dense_network(inputs, units)
    set_weights(network, [kernel, bias])
    one = network.predict(x[:1])
    _check_forward(one, x[:1], kernel, bias)
    np.testing.assert_array_equal(one, network.predict(x)[:1])


def test_activations_of_arrays() -> None:
    """Any word, or a function of one's own."""
    x, kernel, bias, grad = _arrays(5, 7, 9)
    linear = ops.dense(x, kernel, bias)
    np.testing.assert_allclose(
        ops.dense(x, kernel, bias, "gelu"), activations.gelu(linear), rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(ops.dense(x, kernel, bias, lambda v: v * v), linear**2, rtol=1e-6)
    offsets = ops.dense_grad(x, kernel, grad, bias, "silu")[2]
    sigmoid = 1 / (1 + np.exp(-linear.astype(float)))
    slope = sigmoid * (1 + linear * (1 - sigmoid))
    np.testing.assert_allclose(offsets, (grad * slope).sum(0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5), (1, 1), (9, 40, 33), (4, 2, 3, 2, 7)], ids=str)
@pytest.mark.parametrize("activation", [None, "relu", "softmax", "gelu"])
def test_any_rank(shape: tuple[int, ...], activation: str | None, isa: str) -> None:
    """Each vector along the last axis goes its own way: as rows of one batch."""
    x, kernel, bias, _ = _arrays(int(np.prod(shape[:-1])), shape[-1], 6)
    layer = layers.Dense(6, activation)
    model = Model(source := Input(shape[1:]), layer(source))
    layer.set_weights([kernel, bias])
    assert layer.kernel.shape == (shape[-1], 6)
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *shape[1:-1], 6)
    got = model.predict(x.reshape(shape))
    wide = Model(source := Input(shape[-1:]), layer(source)).predict(x)
    np.testing.assert_array_equal(got, wide.reshape(*shape[:-1], 6))


def test_gradients_of_any_rank(threads: Callable[[int], None], isa: str) -> None:
    x, kernel, bias, grad = _arrays(7 * 12 * 11, 65, 130)
    graph = _core.Graph()
    out = graph.dense(graph.input((12, 11, 65), "x"), 130, True, "dense")
    assert graph.multiply_adds(out) == 12 * 11 * 65 * 130
    bits = set()
    for count in (1, 3):
        threads(count)
        network = _core.Network(graph, [out])
        set_weights(network, [kernel, bias])
        result = network.predict(x.reshape(7, 12, 11, 65)).reshape(-1, 130)
        grad_x, grad_weights = network.vjp(x.reshape(7, 12, 11, 65), grad.reshape(7, 12, 11, 130))
        bits.add(b"".join(a.tobytes() for a in (result, grad_x, *grad_weights)))
    assert len(bits) == 1
    _check_forward(result, x, kernel, bias)
    _check_grads([grad_x.reshape(x.shape), *grad_weights], x, kernel, grad)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_behind_a_convolution(data_format: Any, isa: str) -> None:
    """The last axis is the last axis, whatever the layout in between."""
    x = np.random.default_rng(0).normal(size=(17, 6, 6, 6)).astype(np.float32)
    before = layers.Conv2D(6, 3, padding="same", data_format=data_format)
    source = Input((6, 6, 6))
    hidden = before(source)
    head = layers.Dense(5, "relu")
    got = Model(source, head(hidden)).predict(x)
    values = Model(source, hidden).predict(x).reshape(-1, 6)
    want = Model(rows := Input((6,)), head(rows)).predict(values)
    np.testing.assert_allclose(got, want.reshape(17, 6, 6, 5), rtol=1e-6, atol=1e-6)


def test_training_on_any_rank() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 5, 8)).astype(np.float32)
    model = Sequential([Input((5, 8)), layers.Dense(16, "relu"), layers.Dense(3)])
    model.compile(optimizers.Adam(0.01), "mse")
    y = x[..., :3] * 2
    first = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=30, batch_size=16, verbose=0)
    assert model.evaluate(x, y, verbose=0) < first / 4
