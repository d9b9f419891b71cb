"""Constraints on every kind of weight: called on arrays, and held after each update of a compiled step."""

from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Model, Sequential, constraints, layers, ops, optimizers

RATE = 0.5


class Box(constraints.Constraint):
    """One's own."""

    def __init__(self, limit: float = 0.05) -> None:
        self.limit = limit

    def __call__(self, w: Any) -> Any:
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self) -> dict[str, Any]:
        return {"limit": self.limit}


def _norms(low: float, high: float, rate: float = 1.0, axis: Any = 0) -> Any:
    def rule(w: np.ndarray) -> np.ndarray:
        norm = np.sqrt((w**2).sum(axis=axis, keepdims=True))
        return w * (rate * np.clip(norm, low, high) + (1 - rate) * norm) / (norm + 1e-7)

    return rule


RULES: list[tuple[Any, Any]] = [
    (constraints.NonNeg(), lambda w: np.maximum(w, 0)),
    (constraints.MaxNorm(0.4), _norms(0, 0.4)),
    (constraints.UnitNorm(axis=-1), _norms(1, 1, axis=-1)),
    (constraints.MinMaxNorm(0.6, 0.8, rate=0.7), _norms(0.6, 0.8, 0.7)),
    (Box(), lambda w: np.clip(w, -0.05, 0.05)),
    (lambda w: ops.tanh(w), np.tanh),
    (lambda w: w - ops.mean(w, axis=0), lambda w: w - w.mean(axis=0)),
]
IDS = ["non_neg", "max_norm", "unit_norm", "min_max_norm", "subclass", "function", "centred"]


@pytest.mark.parametrize(("rule", "oracle"), RULES, ids=IDS)
def test_on_arrays(rule: Any, oracle: Any) -> None:
    w = np.random.default_rng(0).normal(size=(4, 3, 5))
    np.testing.assert_allclose(constraints.get(rule)(w), oracle(w), atol=1e-6)


def _layers(rule: Any) -> dict[str, tuple[Any, tuple[int, ...]]]:
    return {
        "kernel": (layers.Conv2D(3, 3, kernel_constraint=rule, bias_constraint=rule), (5, 5, 2)),
        "dense": (layers.Dense(3, kernel_constraint=rule, bias_constraint=rule), (4,)),
        "transpose": (layers.Conv2DTranspose(3, 3, kernel_constraint=rule), (5, 5, 2)),
        "depthwise": (layers.DepthwiseConv2D(3, depthwise_constraint=rule), (5, 5, 2)),
        "separable": (
            layers.SeparableConv2D(3, 3, depthwise_constraint=rule, pointwise_constraint=rule),
            (5, 5, 2),
        ),
        "batch": (layers.BatchNormalization(gamma_constraint=rule, beta_constraint=rule), (4, 3)),
        "layer": (layers.LayerNormalization(gamma_constraint=rule, beta_constraint=rule), (4, 3)),
        "embeddings": (layers.Embedding(6, 3, embeddings_constraint=rule), (4,)),
    }


def _data(shape: tuple[int, ...], model: Any) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 6, (8, *shape)) if len(shape) == 1 else rng.normal(size=(8, *shape))
    return x.astype(np.float32), rng.normal(size=(8, *model.output_shape[1:])).astype(np.float32)


def _trained(kind: str, rule: Any, optimizer: Any, steps: int = 1) -> tuple[Any, list[np.ndarray]]:
    cnnfast.set_random_seed(4)
    layer, shape = _layers(rule)[kind]
    model = Sequential([Input(shape), layer])
    model.compile(optimizer, "mse")
    x, y = _data(shape, model)
    for _ in range(steps):
        model.train_on_batch(x, y)
    return model, model.get_weights()


@pytest.mark.parametrize("kind", _layers(None))
@pytest.mark.parametrize(("rule", "oracle"), RULES, ids=IDS)
def test_after_an_update(kind: str, rule: Any, oracle: Any) -> None:
    _, free = _trained(kind, None, optimizers.SGD(RATE))
    model, held = _trained(kind, rule, optimizers.SGD(RATE))
    for variable, before, after in zip(model.weights, free, held, strict=True):
        rules = variable.constraint is not None
        rank = before.ndim
        wanted = oracle(before.astype(float)) if rules and rank else before
        np.testing.assert_allclose(after, wanted, atol=2e-5, err_msg=variable.name)


@pytest.mark.parametrize("optimizer", [lambda: optimizers.Adam(0.1), lambda: optimizers.Lion(0.1)])
def test_with_other_optimizers(optimizer: Any) -> None:
    _, held = _trained("kernel", Box(), optimizer(), steps=4)
    for each in held:
        assert np.abs(each).max() == pytest.approx(0.05)
    cnnfast.set_random_seed(4)


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES], ids=IDS)
def test_same_bits_on_any_number_of_threads(rule: Any) -> None:
    def run(threads: int) -> list[np.ndarray]:
        cnnfast.set_num_threads(threads)
        cnnfast.set_random_seed(0)
        model = Sequential([Input((16, 16, 3))])
        model.add(layers.Conv2D(32, 3, activation="relu", kernel_constraint=rule, bias_constraint=rule))
        model.add(layers.Flatten())
        model.add(layers.Dense(10, kernel_constraint=rule))
        model.compile(optimizers.SGD(0.01, momentum=0.9), "mse")
        rng = np.random.default_rng(2)
        x, y = rng.normal(size=(32, 16, 16, 3)), rng.normal(size=(32, 10))
        model.fit(x, y, epochs=2, verbose=0)
        return [*model.get_weights(), model.predict(x, verbose=0)]

    one, three = run(1), run(3)
    cnnfast.set_num_threads(1)
    for a, b in zip(one, three, strict=True):
        assert np.array_equal(a, b)
        assert np.isfinite(a).all()


def test_frozen_weights_are_left_alone() -> None:
    model = Sequential([Input((4,)), layers.Dense(3, kernel_constraint=Box(), name="first"), layers.Dense(2)])
    model.compile(optimizers.SGD(RATE), "mse")
    x, y = np.ones((5, 4), np.float32), np.ones((5, 2), np.float32)
    first = model.get_layer("first")
    first.trainable = False
    before = first.kernel.numpy()
    model.train_on_batch(x, y)
    assert np.array_equal(first.kernel.numpy(), before)
    first.trainable = True  # at once, as all that training does
    model.train_on_batch(x, y)
    assert np.abs(first.kernel.numpy()).max() == np.float32(0.05)


def test_shared_layers_and_predictions_between_steps() -> None:
    """The rule acts once on a weight that is used twice, and programs see what it made."""
    shared = layers.Dense(4, kernel_constraint=lambda w: 0.5 * w, use_bias=False)
    source = Input((4,))
    model = Model(source, shared(layers.ReLU()(shared(source))))
    model.compile(optimizers.SGD(0.0), "mse")
    before, x = shared.kernel.numpy(), np.ones((20, 4), np.float32)
    model.train_on_batch(x, x)
    np.testing.assert_allclose(shared.kernel.numpy(), 0.5 * before)
    np.testing.assert_allclose(model.predict(x), np.maximum(x @ before / 2, 0) @ before / 2, rtol=1e-5)


def test_files(tmp_path: Any) -> None:
    model = Sequential([Input((4,)), layers.Dense(3, kernel_constraint=constraints.MaxNorm(0.3))])
    model.compile(optimizers.SGD(RATE), "mse")
    model.save(tmp_path / "m")
    again = cnnfast.models.load_model(tmp_path / "m")
    assert again.layers[-1].get_config()["kernel_constraint"]["config"] == {"max_value": 0.3, "axis": 0}
    again.train_on_batch(np.ones((5, 4)), np.ones((5, 3)))
    assert np.linalg.norm(again.get_weights()[0], axis=0).max() == pytest.approx(0.3, rel=1e-5)


def test_refusals() -> None:
    wrong = Sequential([Input((4,)), layers.Dense(3, kernel_constraint=lambda w: ops.sum(w, axis=0))])
    with pytest.raises(ValueError, match="and takes one value for the whole batch"):
        wrong.compile("sgd", "mse")
    with pytest.raises(ValueError, match="unknown constraint"):
        constraints.get("typo")
    assert constraints.Constraint()(3) == 3
    assert constraints.Constraint.from_config({}).get_config() == {}
