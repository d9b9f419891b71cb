"""Whole small networks: outputs, all gradients, and training against the float64 twin and against slopes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference.losses import one_hot, softmax_cross_entropy
from reference.model import ReferenceModel
from reference.optimizers import SGD, Adam
from support.nets import (
    Twin,
    adam,
    classic_cnn,
    get_weights,
    hourglass_cnn,
    mlp,
    residual_cnn,
    sequence_cnn,
    sgd,
    small_cnn,
    volume_cnn,
)
from support.numerical import numerical_gradient

MAKERS: list[Callable[[int], Twin]] = [
    small_cnn,
    lambda batch: small_cnn(batch, "channels_first", channels=3),
    classic_cnn,
    lambda batch: classic_cnn(batch, "channels_first", channels=16),
    residual_cnn,
    lambda batch: residual_cnn(batch, "channels_first"),
    sequence_cnn,
    lambda batch: sequence_cnn(batch, "channels_first"),
    volume_cnn,
    lambda batch: volume_cnn(batch, "channels_first"),
    hourglass_cnn,
    lambda batch: hourglass_cnn(batch, "channels_first"),
    mlp,
]
IDS = [
    "small_cnn",
    "small_cnn_channels_first",
    "classic_cnn",
    "classic_cnn_channels_first",
    "residual_cnn",
    "residual_cnn_channels_first",
    "sequence_cnn",
    "sequence_cnn_channels_first",
    "volume_cnn",
    "volume_cnn_channels_first",
    "hourglass_cnn",
    "hourglass_cnn_channels_first",
    "mlp",
]


def _relative(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def _labels(twin: Twin) -> np.ndarray:
    return np.random.default_rng(9).integers(0, twin.classes, len(twin.x)).astype(np.int32)


@pytest.mark.parametrize("batch", [1, 5, 16, 19])
@pytest.mark.parametrize("make", MAKERS, ids=IDS)
def test_output_and_gradients(make: Callable[[int], Twin], batch: int, isa: str) -> None:
    twin = make(batch)
    assert _relative(twin.network.predict(twin.x), twin.reference.predict(twin.x)) < 5e-6
    grad = np.random.default_rng(3).normal(size=(batch, twin.classes)).astype(np.float32)
    grad_x, grads = twin.network.vjp(twin.x, grad)
    expected_x, expected = twin.reference.vjp(twin.x, grad)
    assert grad_x.shape == twin.x.shape
    assert _relative(grad_x, expected_x) < 5e-6
    for got, ref in zip(grads, expected, strict=True):
        assert got.shape == ref.shape
        assert _relative(got, ref) < 5e-6


@pytest.mark.parametrize("make", MAKERS, ids=IDS)
def test_train_step_subtracts_the_slope_of_the_loss(make: Callable[[int], Twin]) -> None:
    """SGD with rate 1 moves every weight by the numerical slope of the reference's loss."""
    twin = make(3)
    labels = _labels(twin)
    targets = one_hot(labels, twin.classes)
    before = get_weights(twin.network, len(twin.reference.weights))
    twin.network.configure("sparse_categorical_crossentropy", True, [], sgd(1.0))
    twin.network.train_step(twin.x, labels)
    after = get_weights(twin.network, len(before))
    for position in (0, 1, len(before) - 2, len(before) - 1):
        slope = _some_slopes(twin.reference, position, twin.x, targets)
        step = (before[position] - after[position]).ravel()[: slope.size]
        np.testing.assert_allclose(step, slope, rtol=0, atol=1e-5 * max(1, np.abs(slope).max()))


def _some_slopes(model: ReferenceModel, position: int, x: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Numerical slopes of the first dozen elements of one parameter."""
    some = model.weights[position].reshape(-1)[:12]
    assert some.base is not None, "a view into the model's weights"
    return numerical_gradient(lambda: softmax_cross_entropy(model.predict(x), targets)[0], some)


@pytest.mark.parametrize("make", MAKERS, ids=IDS)
@pytest.mark.parametrize(
    ("optimizer", "oracle"), [(sgd(0.05, 0.9), lambda: SGD(0.05, 0.9)), (adam(), Adam)], ids=["sgd", "adam"]
)
def test_training_follows_the_reference(
    make: Callable[[int], Twin], optimizer: Any, oracle: Any, isa: str
) -> None:
    twin = make(18)
    labels = _labels(twin)
    targets = one_hot(labels, twin.classes)
    twin.network.configure("sparse_categorical_crossentropy", True, [], optimizer)
    theirs = oracle()
    losses = []
    for _ in range(6):
        expected = twin.reference.train_step(twin.x, lambda out: softmax_cross_entropy(out, targets), theirs)
        losses.append(twin.network.train_step(twin.x, labels)[0])
        assert losses[-1] == pytest.approx(expected, rel=2e-4)
    assert losses[-1] < losses[0]


def test_gradients_of_a_value_used_twice(isa: str) -> None:
    """x + x and a diamond: a value's gradient is the sum over its uses."""
    from support.nets import single

    network = single((5,), lambda graph, src: graph.add([src, graph.activation(src, "tanh", "tanh")], "add"))
    x = np.linspace(-1, 1, 10, dtype=np.float32).reshape(2, 5)
    np.testing.assert_allclose(network.predict(x), x + np.tanh(x), rtol=1e-6)
    grad = network.vjp(x, np.ones_like(x))[0]
    np.testing.assert_allclose(grad, 2 - np.tanh(x) ** 2, rtol=1e-6)
    double = single((5,), lambda graph, src: graph.add([src, src, src], "add"))
    np.testing.assert_array_equal(double.predict(x), x + x + x)
    assert (double.vjp(x, np.ones_like(x))[0] == 3).all()
