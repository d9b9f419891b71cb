"""Losses over more than one row: Circle, of all pairs of a batch, and CTC, of all paths through a sequence.

Against sums in float64 that go through each pair and each path one by one; gradients against slopes; within
training steps.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnfast import Input, Model, Sequential, layers, losses, models, ops, optimizers, set_random_seed

Array = NDArray[Any]
LABELS = np.array([0, 1, 0, 2, 1, 0, 2, 5])  # 5 is alone in its class


def _vectors(count: int = 8, seed: int = 0) -> Array:
    x = np.random.default_rng(seed).normal(size=(count, 5))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def _circle(y: Array, x: Array, to_y: Array, to: Array, alone: bool, gamma: float, margin: float) -> Array:
    made = []
    for i, own in enumerate(x.astype(float)):
        near = far = 0.0
        for j, other in enumerate(to.astype(float)):
            away = max(1 - own @ other, 0)
            if y[i] != to_y[j]:
                far += math.exp(gamma * max(1 + margin - away, 0) * (1 - margin - away))
            elif i != j or not alone:
                near += math.exp(gamma * (away + margin) * (away - margin))
        made.append(math.log1p(near * far))
    return np.array(made)


def _slopes(function: Callable[[Array], float], x: Array, step: float) -> Array:
    made = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        sides = []
        for sign in (1, -1):
            moved = x.astype(float)
            moved[place] += sign * step
            sides.append(function(moved))
        made[place] = (sides[0] - sides[1]) / (2 * step)
    return made


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(("gamma", "margin"), [(80, 0.4), (3.0, 0.25)])
def test_circle(gamma: float, margin: float, alone: bool) -> None:
    x = _vectors()
    how: Any = {"remove_diagonal": alone, "gamma": gamma, "margin": margin}
    want = _circle(LABELS, x, LABELS, x, alone, gamma, margin)
    np.testing.assert_allclose(losses.circle(LABELS, x, **how), want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(losses.circle(LABELS[:, None], x, **how), want, rtol=1e-5, atol=1e-5)
    others, to = np.arange(6) % 3, _vectors(6, seed=1)
    want = _circle(LABELS, x, others, to, alone, gamma, margin)
    np.testing.assert_allclose(losses.circle(LABELS, x, others, to, **how), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("alone", [True, False])
def test_circles_gradients(alone: bool) -> None:
    x, to, others = _vectors(), _vectors(6, seed=1), np.arange(6) % 3
    shares = np.random.default_rng(2).uniform(0.5, 1, 8)
    how: Any = {"remove_diagonal": alone, "gamma": 3.0, "margin": 0.3}

    def by_references(x: Array, to: Array) -> float:
        return float(_circle(LABELS, x, others, to, alone, 3.0, 0.3) @ shares)

    got = ops.grad(lambda z: ops.sum(losses.circle(LABELS, z, others, to, **how) * shares))(x)
    np.testing.assert_allclose(got, _slopes(lambda z: by_references(z, to), x, 1e-6), atol=1e-4)
    got = ops.grad(lambda z: ops.sum(losses.circle(LABELS, x, others, z, **how) * shares))(to)
    np.testing.assert_allclose(got, _slopes(lambda z: by_references(x, z), to, 1e-6), atol=1e-4)
    if alone:  # else a sample's distance from itself, 0, has no slope there
        got = ops.grad(lambda z: ops.sum(losses.circle(LABELS, z, **how) * shares))(x)
        want = _slopes(lambda z: float(_circle(LABELS, z, LABELS, z, alone, 3.0, 0.3) @ shares), x, 1e-6)
        np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize("weights", [None, np.linspace(0.1, 1, 8)])
def test_samples_without_a_loss_do_not_count_in_means(weights: Any) -> None:
    x = _vectors()
    each = _circle(LABELS, x, LABELS, x, True, 80, 0.4)
    counts = each > 0
    assert counts.sum() == 7
    scale = np.ones(8) if weights is None else weights
    total = (each * scale).sum()
    for reduction, want in (
        ("sum_over_batch_size", total / 7),
        ("sum", total),
        ("mean_with_sample_weight", total / (counts * scale).sum()),
    ):
        loss = losses.Circle(reduction=reduction)
        assert float(loss(LABELS, x, sample_weight=weights)) == pytest.approx(want, rel=1e-5)
        source = Input((5,))
        model = Model(source, layers.Identity()(source))
        model.compile("sgd", loss)
        got = model.evaluate(x, LABELS, sample_weight=weights, verbose=0, batch_size=8)
        assert got == pytest.approx(want, rel=1e-5)


def test_classes_part(tmp_path: Any) -> None:
    set_random_seed(0)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 96)
    x = (np.eye(3)[y] @ rng.normal(size=(3, 12)) + rng.normal(size=(96, 12))).astype(np.float32)
    model = Sequential([Input((12,)), layers.Dense(16, activation="relu"), layers.Dense(4)])
    model.add(layers.UnitNormalization())
    model.compile(optimizers.Adam(0.02), losses.Circle(gamma=16.0))
    told = model.fit(x, y, batch_size=32, epochs=30, verbose=0).history["loss"]
    assert told[-1] < 0.5 * told[0]
    model.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model")
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    made = model.predict(x, verbose=0)
    alike = made @ made.T
    same = y[:, None] == y
    assert alike[same].mean() > alike[~same].mean() + 0.5


# -- paths -------------------------------------------------------------------------------------------------


def _paths(labels: list[int], logits: Array, blank: int) -> float:
    """-log of the probability of all paths that say the labels, one by one."""
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    total = 0.0
    for path in itertools.product(range(logits.shape[-1]), repeat=len(logits)):
        said = [each for each, _ in itertools.groupby(path) if each != blank]
        if said == labels:
            total += math.prod(shares[time, each] for time, each in enumerate(path))
    return -math.log(total)


TARGETS = np.array([[1, 2, 1], [2, 2, 0], [1, 0, 0], [0, 0, 0]])
LENGTHS, TIMES = np.array([3, 2, 1, 0]), np.array([5, 4, 5, 2])


def _all_paths(logits: Array) -> Array:
    rows = zip(TARGETS, LENGTHS, logits, TIMES, strict=True)
    return np.array([_paths([*target[:n]], each[:times], 0) for target, n, each, times in rows])


def _logits() -> Array:
    return np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)


def test_ctc_and_its_gradient() -> None:
    logits, shares = _logits(), np.array([0.5, 1.0, -2.0, 1.5])
    got = ops.ctc_loss(TARGETS, logits, LENGTHS, TIMES)
    np.testing.assert_allclose(got, _all_paths(logits), rtol=1e-6)
    gradient = ops.grad(lambda z: ops.sum(ops.ctc_loss(TARGETS, z, LENGTHS, TIMES) * shares))(logits)
    want = _slopes(lambda z: float(_all_paths(z) @ shares), logits, 1e-5)
    np.testing.assert_allclose(gradient, want, atol=1e-6)
    assert not gradient[1, 4:].any()  # behind a sequence's end nothing counts
    assert not gradient[3, 2:].any()


def test_another_blank() -> None:
    logits = _logits()[:1]
    got = ops.ctc_loss([[0, 1]], logits, [2], [5], mask_index=2)
    np.testing.assert_allclose(got, [_paths([0, 1], logits[0], 2)], rtol=1e-6)


def test_labels_that_do_not_fit_have_a_large_finite_loss() -> None:
    logits = _logits()[:1, :2]
    assert 9e4 < float(ops.ctc_loss([[1, 1]], logits, [2], [2])[0]) < 2e5


@pytest.mark.parametrize("padding", [-1, 99, 0.5])
def test_labels_behind_the_length_do_not_count(padding: float) -> None:
    logits = _logits()
    padded = np.where(np.arange(3) < LENGTHS[:, None], TARGETS, padding)
    times = [5] * len(logits)
    expected = ops.ctc_loss(TARGETS, logits, LENGTHS, times)
    np.testing.assert_array_equal(ops.ctc_loss(padded, logits, LENGTHS, times), expected)


def test_ctc_in_a_model(tmp_path: Any) -> None:
    set_random_seed(0)
    logits = _logits()
    loss = losses.CTC()
    padded = np.where(np.arange(3) < LENGTHS[:, None], TARGETS, 0)
    rows = zip(padded, LENGTHS, logits, strict=True)
    want = np.mean([_paths([*target[:n]], each, 0) for target, n, each in rows])
    assert float(loss(padded, logits)) == pytest.approx(want, rel=1e-6)
    model = Sequential([Input((5, 3)), layers.Conv1D(8, 3, padding="same", activation="relu")])
    model.add(layers.Dense(3))
    model.compile(optimizers.Adam(0.05), loss)
    told = model.fit(logits, padded, epochs=200, verbose=0).history["loss"]
    assert told[-1] < 0.3 * told[0]
    said = model.predict(logits, verbose=0).argmax(-1)
    assert [each for each, _ in itertools.groupby(said[0].tolist()) if each] == [1, 2, 1]
    model.save(tmp_path / "model")
    again = models.load_model(tmp_path / "model")
    assert again.evaluate(logits, padded, verbose=0) == model.evaluate(logits, padded, verbose=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.circle([0, 1], [1.0, 2.0]), "a vector for each sample"),
        (lambda: losses.circle([0], [[1.0]], ref_labels=[1]), "give both ref_labels and ref_embeddings"),
        (lambda: losses.ctc([1, 2], np.zeros((2, 3, 4))), r"labels \(n, length\)"),
        (lambda: ops.ctc_loss([[1]], np.zeros((1, 3, 4)), [1], [1, 2]), "a length of each for every"),
        (lambda: ops.ctc_loss([[1]], np.zeros((1, 3, 4)), [1], [3], mask_index=-1), "mask_index"),
        (lambda: ops.ctc_loss([[1]], np.zeros((1, 3, 4)), [1], [3], mask_index=4), "mask_index .* 0 to 3"),
        (lambda: ops.ctc_loss([[4]], np.zeros((1, 3, 4)), [1], [3]), "target .* from 0 to 3 .* got 4"),
        (lambda: ops.ctc_loss([[-1]], np.zeros((1, 3, 4)), [1], [3]), "target .* got -1"),
        (lambda: ops.ctc_loss([[1.5]], np.zeros((1, 3, 4)), [1], [3]), "target .* got 1.5"),
        (lambda: ops.ctc_loss([[1]], np.zeros((1, 3, 4)), [2], [3]), "target_length .* 0 to 1 .* got 2"),
        (lambda: ops.ctc_loss([[1]], np.zeros((1, 3, 4)), [1], [4]), "output_length .* 0 to 3 .* got 4"),
    ],
)
def test_refusals(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
