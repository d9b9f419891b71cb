"""Penalties on weights and on what layers make, against NumPy in float64."""

from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, layers, ops, regularizers, set_random_seed

RATE = 0.1


class Largest(regularizers.Regularizer):
    """A penalty of one's own."""

    def __init__(self, factor: float = 0.3) -> None:
        self.factor = factor

    def __call__(self, x: Any) -> Any:
        return self.factor * ops.max(ops.absolute(x))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor}


def _cosines(w: np.ndarray, factor: float) -> float:
    unit = w / np.linalg.norm(w, axis=1, keepdims=True)
    cosines = np.abs(unit @ unit.T)
    return factor * (cosines.sum() - np.trace(cosines)) / (len(w) * (len(w) - 1))


PENALTIES: list[tuple[Any, Any]] = [
    (regularizers.L1(0.2), lambda w: 0.2 * np.abs(w).sum()),
    (regularizers.L2(0.2), lambda w: 0.2 * (w**2).sum()),
    (regularizers.L1L2(0.1, 0.2), lambda w: 0.1 * np.abs(w).sum() + 0.2 * (w**2).sum()),
    (regularizers.OrthogonalRegularizer(0.7), lambda w: _cosines(w, 0.7)),
    (regularizers.OrthogonalRegularizer(0.7, mode="columns"), lambda w: _cosines(w.T, 0.7)),
    (Largest(), lambda w: 0.3 * np.abs(w).max()),
    (regularizers.get(lambda w: 0.5 * ops.sum(w**2)), lambda w: 0.5 * (w**2).sum()),
]


def _gradient(penalty: Any, w: np.ndarray) -> np.ndarray:
    made, step = np.zeros(w.shape), 1e-6
    for at in np.ndindex(w.shape):
        sides = []
        for side in (step, -step):
            moved = w.copy()
            moved[at] += side
            sides.append(penalty(moved))
        made[at] = (sides[0] - sides[1]) / (2 * step)
    return made


@pytest.mark.parametrize(("penalty", "oracle"), PENALTIES, ids=lambda each: str(each)[:24])
def test_on_weights(penalty: Any, oracle: Any) -> None:
    """Called on arrays, and in a step whose loss is the penalty alone: samples of zeros have no other."""
    model = Sequential([Input((5,)), layers.Dense(4, kernel_regularizer=penalty, use_bias=False)])
    before = model.get_weights()[0]
    np.testing.assert_allclose(penalty(before), oracle(before.astype(float)), rtol=1e-5)
    model.compile(_sgd(), "mse")
    told = model.train_on_batch(np.zeros((3, 5)), np.zeros((3, 4)))
    np.testing.assert_allclose(told, oracle(before.astype(float)), rtol=1e-5)
    want = before - RATE * _gradient(oracle, before.astype(float))
    np.testing.assert_allclose(model.get_weights()[0], want, atol=1e-6)


def test_frozen_weights_have_none() -> None:
    model = Sequential([Input((5,)), layers.Dense(4, kernel_regularizer=Largest(), trainable=False)])
    model.add(layers.Dense(2))
    model.compile(_sgd(), "mse")
    y = model.predict(np.ones((3, 5)), verbose=0)
    assert model.evaluate(np.ones((3, 5)), y, verbose=0) < 1e-10


@pytest.mark.parametrize("make", [lambda r: layers.Dense(4, activity_regularizer=r), None])
def test_on_activity(make: Any) -> None:
    x = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    source = Input((5,))
    if make is None:
        hidden = layers.ActivityRegularization(l1=0.1, l2=0.2)(layers.Dense(4)(source))
    else:
        hidden = make(regularizers.L1L2(0.1, 0.2))(source)
    model = Model(source, hidden)
    model.compile(_sgd(), "mse")
    out = model.predict(x, verbose=0).astype(float)
    want = (0.1 * np.abs(out).sum() + 0.2 * (out**2).sum()) / len(x)  # for each sample
    np.testing.assert_allclose(model.evaluate(x, out, batch_size=6, verbose=0), want, rtol=1e-5)
    before = model.get_weights()[1]
    model.train_on_batch(x, out)
    slope = (0.1 * np.sign(out) + 0.4 * out).mean(0)
    np.testing.assert_allclose(model.get_weights()[1], before - RATE * slope, atol=1e-5)
    copy = Model.from_config(model.get_config())
    assert copy.layers[-1].activity_regularizer == model.layers[-1].activity_regularizer


@pytest.fixture(autouse=True)
def _seeded() -> None:
    set_random_seed(0)


def _sgd() -> Any:
    from cnnfast.optimizers import SGD

    return SGD(RATE)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="mode must be"):
        regularizers.OrthogonalRegularizer(mode="diagonals")
    with pytest.raises(ValueError, match="two axes"):
        regularizers.OrthogonalRegularizer()(np.ones((2, 2, 2)))
