"""A convolution that adds its shortcut in its epilogue: every algorithm in nchw16c, forward and backward."""

from typing import Any

import numpy as np
import pytest
from support.nets import NetworkBuilder

import cnnfast

ALGORITHMS = ["blocked", "winograd", "winograd_f2"]


def _assert_close(got: np.ndarray, ref: np.ndarray) -> None:
    np.testing.assert_allclose(got, ref, rtol=0, atol=1e-5 * float(np.abs(ref).max()))


@pytest.mark.parametrize("channels", [16, 37, 80])
@pytest.mark.parametrize("kind", [None, "relu", "tanh"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_shortcut(algorithm: str, kind: str | None, channels: int, isa: str) -> None:
    """One convolution adds what came before it, the next one adds the same again, and all are trained."""
    b = NetworkBuilder((9, 7, 16))
    trunk = b.activation(b.conv(-1, channels, (3, 3), padding="same"), "sigmoid")
    v = b.add(b.conv(trunk, channels, (3, 3), padding="same"), trunk)
    v = b.add(trunk, b.conv(v if kind is None else b.activation(v, kind), channels, (3, 3), padding="same"))
    if kind is not None:
        b.activation(v, kind)
    network, reference = b.build()
    network.force_algorithm("conv2d", algorithm)
    x = b.rng.normal(size=(3, 9, 7, 16)).astype(np.float32)
    _assert_close(network.predict(x), reference.predict(x))
    assert {step["op"] for step in network.plan(3, "predict")} <= {"conv2d", "reorder", "input", "output"}
    grad_out = b.rng.normal(size=(3, 9, 7, channels)).astype(np.float32)
    grad_x, grads = network.vjp(x, grad_out)
    expected_x, expected = reference.vjp(x, grad_out)
    for got, ref in zip([grad_x, *grads], [expected_x, *expected], strict=True):
        _assert_close(got, ref)


@pytest.mark.parametrize("padding", ["same", ((1, 1), (1, 1))])
@pytest.mark.parametrize("algorithm", ["blocked", "winograd_s2", "winograd_s2_f5"])
def test_two_branches_of_stride2(algorithm: str, padding: Any, isa: str) -> None:
    """Forward the second adds the first one's output, backward one adds the other's gradient."""
    b = NetworkBuilder((22, 18, 16))
    trunk = b.activation(b.average_pool(-1, (2, 2), (1, 1)), "sigmoid")
    first, second = (b.conv(trunk, 37, (3, 3), (2, 2), padding) for _ in range(2))
    b.activation(b.add(first, second), "relu")
    network, reference = b.build()
    network.force_algorithm("conv2d", algorithm)
    x = b.rng.normal(size=(3, 22, 18, 16)).astype(np.float32)
    _assert_close(network.predict(x), reference.predict(x))
    assert "add" not in {step["op"] for step in network.plan(3, "vjp")}
    grad_out = b.rng.normal(size=network.predict(x).shape).astype(np.float32)
    grad_x, grads = network.vjp(x, grad_out)
    expected_x, expected = reference.vjp(x, grad_out)
    for got, ref in zip([grad_x, *grads], [expected_x, *expected], strict=True):
        _assert_close(got, ref)


@pytest.mark.parametrize(
    ("algorithm", "kernel", "strides"),
    [
        ("blocked", (3, 3), (1, 1)),
        ("blocked", (3, 3), (2, 2)),
        ("blocked", (1, 1), (2, 2)),
        ("winograd", (3, 3), (1, 1)),
        ("winograd_f2", (3, 3), (1, 1)),
        ("winograd_s2", (3, 3), (2, 2)),
        ("winograd_s2_f5", (3, 3), (2, 2)),
        ("lanes", (3, 3), (1, 1)),  # which adds none
    ],
)
def test_backward_adds_the_gradient_that_is_there(
    algorithm: str, kernel: Any, strides: Any, isa: str
) -> None:
    """Three convolutions read one value: the second adds the first one's gradient to its own, and so on."""
    b = NetworkBuilder((22, 18, 16))
    trunk = b.activation(b.average_pool(-1, (2, 2), (1, 1)), "sigmoid")
    branches = [b.conv(trunk, 37, kernel, strides, "same") for _ in range(3)]
    b.add(b.add(branches[0], branches[1]), branches[2])
    network, reference = b.build()
    network.force_algorithm("conv2d", algorithm)
    x = b.rng.normal(size=(16, 22, 18, 16)).astype(np.float32)
    directions = [step["direction"] for step in network.plan(16, "vjp")]
    assert directions.count("sum of gradients") == (2 if algorithm == "lanes" else 0)
    grad_out = b.rng.normal(size=network.predict(x).shape).astype(np.float32)
    grad_x, grads = network.vjp(x, grad_out)
    expected_x, expected = reference.vjp(x, grad_out)
    for got, ref in zip([grad_x, *grads], [expected_x, *expected], strict=True):
        _assert_close(got, ref)


def test_one_that_comes_first_is_left_alone(isa: str) -> None:
    """A sum waits for its last summand: a convolution before that cannot add it."""
    b = NetworkBuilder((6, 6, 16))
    early = b.conv(-1, 16, (3, 3), padding="same")
    late = b.activation(b.conv(-1, 16, (3, 3), padding="same"), "relu")
    b.add(early, late)
    network, reference = b.build()
    network.force_algorithm("conv2d", "blocked")
    x = b.rng.normal(size=(2, 6, 6, 16)).astype(np.float32)
    _assert_close(network.predict(x), reference.predict(x))
    assert "add" in {step["op"] for step in network.plan(2, "predict")}


def test_layers_with_a_shortcut() -> None:
    """Through the Python face: what the fused epilogue gives is what the layers give one by one."""
    cnnfast.set_random_seed(1)
    inputs = cnnfast.Input((8, 8, 32))
    conv = cnnfast.layers.Conv2D(32, 3, padding="same")
    add = cnnfast.layers.Add()
    model = cnnfast.Model(inputs, cnnfast.layers.ReLU()(add([conv(inputs), inputs])))
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 32)).astype(np.float32)
    _assert_close(model.predict(x, verbose=0), np.maximum(conv(x) + x, 0))
