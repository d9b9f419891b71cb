"""Losses, their gradients and metrics, through whole steps of a network."""

from typing import Any

import numpy as np
import pytest
from reference import losses as reference
from reference.dense import dense, dense_grad, sigmoid, softmax
from support.nets import dense_network, get_weights, set_weights, sgd, single

BATCH, INPUTS, CLASSES = 19, 6, 11
RELATIVE = 2e-6

LABELS = np.random.default_rng(1).integers(0, CLASSES, BATCH).astype(np.int32)
ONE_HOT = reference.one_hot(LABELS, CLASSES).astype(np.float32)
SOFT = softmax(np.random.default_rng(2).normal(size=(BATCH, CLASSES))).astype(np.float32)
BITS = (SOFT > 0.1).astype(np.float32)
REAL = np.random.default_rng(3).normal(size=(BATCH, CLASSES)).astype(np.float32)

# loss, from_logits, activation of the last layer, targets as given, the oracle's targets
CASES: list[Any] = [
    ("sparse_categorical_crossentropy", True, None, LABELS, ONE_HOT),
    ("sparse_categorical_crossentropy", False, "softmax", LABELS, ONE_HOT),
    ("categorical_crossentropy", True, None, ONE_HOT, ONE_HOT),
    ("categorical_crossentropy", False, "softmax", SOFT, SOFT),
    ("binary_crossentropy", True, None, BITS, BITS),
    ("binary_crossentropy", False, "sigmoid", BITS, BITS),
    ("mean_squared_error", False, None, REAL, REAL),
]
IDS = [f"{loss}-{activation or 'linear'}" for loss, _, activation, _, _ in CASES]
ORACLES = {
    "sparse_categorical_crossentropy": reference.softmax_cross_entropy,
    "categorical_crossentropy": reference.softmax_cross_entropy,
    "binary_crossentropy": reference.sigmoid_cross_entropy,
    "mean_squared_error": reference.squared_error,
}


def _problem(activation: str | None) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(BATCH, INPUTS)).astype(np.float32)
    kernel, bias = (
        rng.normal(size=(INPUTS, CLASSES)).astype(np.float32),
        rng.normal(size=CLASSES).astype(np.float32),
    )
    network = dense_network(INPUTS, CLASSES, activation)
    set_weights(network, [kernel, bias])
    return network, x, kernel, bias


@pytest.mark.parametrize(("loss", "from_logits", "activation", "given", "targets"), CASES, ids=IDS)
def test_value_and_gradient(
    loss: Any, from_logits: bool, activation: str | None, given: np.ndarray, targets: np.ndarray, isa: str
) -> None:
    """A step of plain SGD with rate 1 subtracts the gradient itself."""
    network, x, kernel, bias = _problem(activation)
    network.configure(loss, from_logits, [], sgd(1.0))
    expected, grad = ORACLES[loss](dense(x, kernel, bias), targets)
    assert network.evaluate_step(x, given) == [pytest.approx(expected, rel=RELATIVE)]
    assert network.train_step(x, given) == [pytest.approx(expected, rel=RELATIVE)]
    _, grad_kernel, grad_bias = dense_grad(x, kernel, grad)
    got_kernel, got_bias = get_weights(network, 2)
    np.testing.assert_allclose(kernel - got_kernel, grad_kernel, rtol=0, atol=2e-6)
    np.testing.assert_allclose(bias - got_bias, grad_bias, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("loss", "from_logits", "activation", "given", "targets"), CASES, ids=IDS)
def test_evaluate_changes_nothing(
    loss: Any, from_logits: bool, activation: str | None, given: np.ndarray, targets: np.ndarray
) -> None:
    network, x, kernel, bias = _problem(activation)
    network.configure(loss, from_logits, [], sgd(1.0))
    first = network.evaluate_step(x, given)
    assert network.evaluate_step(x, given) == first
    assert network.step == 0
    for got, kept in zip(get_weights(network, 2), (kernel, bias), strict=True):
        np.testing.assert_array_equal(got, kept)


def test_extreme_logits_have_finite_losses(isa: str) -> None:
    """Softmax and the loss are one formula: a sure and wrong answer costs its logit, not infinity."""
    network = single((2,), lambda graph, src: graph.dense(src, 2, False, "dense"))
    set_weights(network, [np.eye(2)])
    x = np.array([[1e4, -1e4]], np.float32)
    network.configure("sparse_categorical_crossentropy", True, [], sgd(0.1))
    assert network.evaluate_step(x, np.array([1], np.int32)) == [pytest.approx(2e4)]
    assert network.evaluate_step(x, np.array([0], np.int32)) == [0.0]
    network.configure("binary_crossentropy", True, [], sgd(0.1))
    assert network.evaluate_step(x, np.array([[0, 1]], np.float32)) == [pytest.approx(1e4)]
    network.train_step(x, np.array([[0, 1]], np.float32))
    assert np.isfinite(network.weights[0].numpy()).all()


def test_index_picks_rows(isa: str) -> None:
    network, x, _, _ = _problem(None)
    network.configure("sparse_categorical_crossentropy", True, ["accuracy"], sgd(0.1))
    index = np.array([3, 3, 0, 18, 7], np.int64)
    assert network.evaluate_step(x, LABELS, index) == network.evaluate_step(x[index], LABELS[index])


@pytest.mark.parametrize("classes", [2, 7, 16, 17])
def test_class_metrics(classes: int, isa: str) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(40, classes)).astype(np.float32)
    labels = np.where(rng.uniform(size=40) < 0.5, x.argmax(1), rng.integers(0, classes, 40)).astype(np.int32)
    network = dense_network(classes, classes)
    set_weights(network, [np.eye(classes), np.zeros(classes)])
    metrics = ["accuracy", "top_k:2"]
    network.configure("sparse_categorical_crossentropy", True, metrics, sgd(0.1))
    expected = [reference.accuracy(x, labels), reference.top_k_accuracy(x, labels, 2)]
    assert network.evaluate_step(x, labels)[1:] == pytest.approx(expected)
    network.configure("categorical_crossentropy", True, metrics, sgd(0.1))
    one_hot = reference.one_hot(labels, classes).astype(np.float32)
    assert network.evaluate_step(x, one_hot)[1:] == pytest.approx(expected)
    # A step measures before it updates.
    assert network.train_step(x, one_hot)[1:] == pytest.approx(expected)


def test_binary_accuracy(isa: str) -> None:
    network, x, kernel, bias = _problem("sigmoid")
    network.configure("binary_crossentropy", False, ["binary_accuracy"], sgd(0.1))
    expected = reference.binary_accuracy(sigmoid(dense(x, kernel, bias)), BITS)
    assert network.evaluate_step(x, BITS)[1] == pytest.approx(expected)


def test_regression_metrics(isa: str) -> None:
    network, x, kernel, bias = _problem(None)
    network.configure("mean_squared_error", False, ["mean_squared_error", "mean_absolute_error"], sgd(0.1))
    out = dense(x, kernel, bias)
    squared = reference.squared_error(out, REAL)[0]
    expected = [squared, squared, reference.absolute_error(out, REAL)]
    assert network.evaluate_step(x, REAL) == pytest.approx(expected, rel=RELATIVE)


def test_regularizer_joins_the_loss_and_the_gradient(isa: str) -> None:
    network, x, kernel, bias = _problem(None)
    network.configure("mean_squared_error", False, [], sgd(1.0))
    network.weights[0].set_regularizer(0.01, 0.02)
    loss, grad = reference.squared_error(dense(x, kernel, bias), REAL)
    penalty = 0.01 * np.abs(kernel.astype(np.float64)).sum() + 0.02 * (kernel.astype(np.float64) ** 2).sum()
    assert network.evaluate_step(x, REAL) == [pytest.approx(loss + penalty, rel=RELATIVE)]
    network.train_step(x, REAL)
    expected = dense_grad(x, kernel, grad)[1] + 0.01 * np.sign(kernel) + 0.04 * kernel
    np.testing.assert_allclose(kernel - network.weights[0].numpy(), expected, rtol=0, atol=3e-6)
