"""Activations and softmax with their gradients: values, extremes, lengths around the vector."""

from typing import Any

import numpy as np
import pytest
from reference.dense import activation, activation_grad
from support.nets import single
from support.numerical import EPS

from cnnfast import ops

KINDS: list[Any] = ["relu", "tanh", "sigmoid", "softmax"]
# Errors in units of the last place of the result; softmax adds the error of its sum.
ULPS = {"relu": 0, "tanh": 3, "sigmoid": 3, "softmax": 16}
SMALLEST = float(np.finfo(np.float32).tiny)


def _network(kind: Any, width: int) -> Any:
    return single((width,), lambda graph, src: graph.activation(src, kind, kind))


def _close(got: np.ndarray, expected: np.ndarray, ulps: float, floor: float = SMALLEST) -> None:
    assert got.dtype == np.float32
    assert got.shape == expected.shape
    error = np.abs(got - expected)
    allowed = ulps * EPS * np.abs(expected) + floor
    worst = np.argmax(error - allowed)
    assert (error <= allowed).all(), f"got {got.flat[worst]}, expected {expected.flat[worst]}"


@pytest.mark.parametrize("width", [1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients(kind: str, width: int, isa: str) -> None:
    rng = np.random.default_rng(width)
    x = (rng.normal(size=(5, width)) * 3).astype(np.float32)
    grad = rng.normal(size=x.shape).astype(np.float32)
    network = _network(kind, width)
    _close(network.predict(x), activation(kind, x), ULPS[kind])
    # 1 - out^2 and out * (1 - out) lose what is small against 1, and softmax subtracts a sum.
    floor = 8 * EPS * np.abs(grad).max() * (1 + np.sqrt(width) * (kind == "softmax"))
    _close(network.vjp(x, grad)[0], activation_grad(kind, x, grad), 2 * ULPS[kind] + 2, floor)


@pytest.mark.parametrize("kind", KINDS)
def test_ops(kind: str) -> None:
    rng = np.random.default_rng(3)
    x, grad = rng.normal(size=(4, 6, 5)).astype(np.float32), rng.normal(size=(4, 6, 5)).astype(np.float32)
    out = getattr(ops, kind)(x)
    _close(out, activation(kind, x), ULPS[kind])
    _close(getattr(ops, f"{kind}_grad")(x, grad), activation_grad(kind, x, grad), 2 * ULPS[kind] + 2, 1e-6)


@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_every_magnitude(kind: str, isa: str) -> None:
    """From the smallest to the largest inputs, both signs: no overflow, no loss near zero."""
    sizes = np.concatenate(
        [np.geomspace(1e-30, 1e-2, 200), np.linspace(0.01, 20, 2000), np.geomspace(20, 1e30, 100)]
    )
    x = np.concatenate([-sizes, [0.0], sizes]).astype(np.float32)[None]
    _close(_network(kind, x.shape[1]).predict(x), activation(kind, x), ULPS[kind])


def test_limits(isa: str) -> None:
    x = np.array([[-np.inf, np.inf]], np.float32)
    assert _network("relu", 2).predict(x).tolist() == [[0, np.inf]]
    assert _network("tanh", 2).predict(x).tolist() == [[-1, 1]]
    assert _network("sigmoid", 2).predict(x).tolist() == [[0, 1]]


@pytest.mark.parametrize("kind", KINDS)
def test_nan_stays_nan(kind: str, isa: str) -> None:
    x = np.array([[0.5, np.nan, 2.0]], np.float32)
    assert np.isnan(_network(kind, 3).predict(x)[0, 1])


def test_relu_at_zero(isa: str) -> None:
    network = _network("relu", 3)
    x = np.array([[-0.0, 0.0, 1.0]], np.float32)
    assert network.predict(x).tolist() == [[0, 0, 1]]
    assert network.vjp(x, np.ones_like(x))[0].tolist() == [[0, 0, 1]]


def test_softmax_of_extreme_rows(isa: str) -> None:
    x = np.array([[1e4, -1e4, 0], [-1e30, -1e30, -1e30], [88, 89, 90], [-200, -300, -400]], np.float32)
    out = _network("softmax", 3).predict(x)
    _close(out, activation("softmax", x), ULPS["softmax"], 1e-37)
    np.testing.assert_allclose(out.sum(1), 1, rtol=4 * EPS)


def test_softmax_is_over_the_last_axis_of_images(isa: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    network = single((3, 4, 5), lambda graph, src: graph.activation(src, "softmax", "softmax"))
    _close(network.predict(x), activation("softmax", x), ULPS["softmax"])


def test_linear_changes_nothing() -> None:
    x = np.random.default_rng(0).normal(size=(2, 7)).astype(np.float32)
    np.testing.assert_array_equal(_network("linear", 7).predict(x), x)
