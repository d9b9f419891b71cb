"""The layer BatchNormalization in models: statistics, freezing, `training=`, files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Model, Sequential, layers, models, optimizers

EPSILON = 1e-3


def _data(n: int = 24, shape: tuple[int, ...] = (6, 5, 3)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(2, 3, (n, *shape)).astype(np.float32), rng.normal(size=(n, 2)).astype(np.float32)


def _model(norm: layers.Layer, shape: tuple[int, ...] = (6, 5, 3), rate: float = 0.0) -> Sequential:
    model = Sequential([Input(shape), norm, layers.Flatten(), layers.Dense(2)])
    model.compile(optimizers.SGD(rate), "mse")
    return model


@pytest.mark.parametrize("axis", [-1, 1, 2, 3])
def test_moving_statistics_follow(axis: int) -> None:
    x, y = _data()
    norm = layers.BatchNormalization(axis=axis, momentum=0.75)
    model = _model(norm)
    others = tuple(i for i in range(4) if i != axis % 4)
    mean, variance = np.zeros(x.shape[axis]), np.ones(x.shape[axis])
    for begin in (0, 8, 16):
        batch = x[begin : begin + 8].astype(np.float64)
        model.train_on_batch(x[begin : begin + 8], y[begin : begin + 8])
        mean = 0.75 * mean + 0.25 * batch.mean(others)
        variance = 0.75 * variance + 0.25 * batch.var(others)
    np.testing.assert_allclose(norm.moving_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance.numpy(), variance, rtol=1e-5)
    # Evaluation and prediction use them, and change nothing.
    before = model.get_weights()
    model.evaluate(x, y, verbose=0)
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    expected = (x - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + EPSILON)
    np.testing.assert_allclose(norm(x), expected, rtol=1e-4, atol=1e-5)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_step_by_the_formula() -> None:
    """Of gamma, beta and the kernel behind them, against a float64 computation."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(1, 2, (32, 5)).astype(np.float32), rng.normal(size=(32, 1)).astype(np.float32)
    norm, dense = layers.BatchNormalization(), layers.Dense(1, use_bias=False)
    model = Sequential([Input((5,)), norm, dense])
    model.compile(optimizers.SGD(0.1), "mse")
    gamma, beta, *_ = (w.astype(np.float64) for w in norm.get_weights())
    kernel = dense.get_weights()[0].astype(np.float64)
    normal = (x - x.mean(0, dtype=np.float64)) / np.sqrt(x.var(0, dtype=np.float64) + EPSILON)
    out = (normal * gamma + beta) @ kernel
    grad = 2 * (out - y) / len(x)
    loss = model.train_on_batch(x, y)
    assert loss == pytest.approx(((out - y) ** 2).mean(), rel=1e-5)
    inner = grad @ kernel.T
    expected = [gamma - 0.1 * (inner * normal).sum(0), beta - 0.1 * inner.sum(0)]
    for got, want in zip(norm.get_weights()[:2], expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        dense.get_weights()[0], kernel - 0.1 * (normal * gamma + beta).T @ grad, rtol=1e-4, atol=1e-6
    )


def test_a_frozen_layer_keeps_its_statistics_and_uses_them() -> None:
    x, y = _data()
    norm = layers.BatchNormalization()
    model = _model(norm, rate=0.1)
    model.fit(x, y, verbose=0)
    norm.trainable = False
    before = norm.get_weights()
    losses = [model.evaluate(x, y, verbose=0), model.train_on_batch(x, y)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)  # the same statistics in training
    for a, b in zip(before, norm.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    norm.trainable = True
    assert [v.trainable for v in norm.weights] == [True, True, False, False]
    model.train_on_batch(x, y)
    assert not np.array_equal(before[2], norm.get_weights()[2])


def test_called_with_training_false_it_stays_as_it_is() -> None:
    x, y = _data()
    inside = Sequential([Input((6, 5, 3)), layers.BatchNormalization(), layers.Dropout(0.5)])
    entry = Input((6, 5, 3))
    model = Model(entry, layers.Dense(2)(layers.Flatten()(inside(entry, training=False))))
    model.compile(optimizers.SGD(0.1), "mse")
    before = inside.get_weights()
    losses = [model.evaluate(x, y, verbose=0), model.train_on_batch(x, y)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for a, b in zip(before[2:], inside.get_weights()[2:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_layer_of_ones_own_passes_training_on() -> None:
    class Block(layers.Layer):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.norm = layers.BatchNormalization(momentum=0.5)

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.norm(inputs, training=training)

    x, y = _data()
    block = Block()
    model = _model(block)
    model.train_on_batch(x, y)
    np.testing.assert_allclose(block.norm.moving_mean.numpy(), 0.5 * x.mean((0, 1, 2)), rtol=1e-4)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_residual_network_trains_and_is_saved(data_format: Any, tmp_path: Path) -> None:
    cnnfast.set_random_seed(0)
    axis = 1 if data_format == "channels_first" else -1

    def block(x: Any, filters: int) -> Any:
        y = layers.Conv2D(filters, 3, padding="same", use_bias=False, data_format=data_format)(x)
        y = layers.Activation("relu")(layers.BatchNormalization(axis=axis)(y))
        y = layers.Conv2D(filters, 3, padding="same", use_bias=False, data_format=data_format)(y)
        return layers.Activation("relu")(layers.add([x, layers.BatchNormalization(axis=axis)(y)]))

    entry = Input((16, 8, 8) if data_format == "channels_first" else (8, 8, 16))
    pooled = layers.GlobalAveragePooling2D(data_format=data_format)(block(block(entry, 16), 16))
    model = Model(entry, layers.Dense(3, activation="softmax")(pooled))
    model.compile(optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 96)
    x = rng.normal(size=(96, *entry.shape[1:])) + 0.5 * labels[:, None, None, None]
    losses = model.fit(x, labels, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    model.save(tmp_path / "net")
    again = models.load_model(tmp_path / "net")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.train_on_batch(x[:32], labels[:32]) == model.train_on_batch(x[:32], labels[:32])


def test_counts_of_weights() -> None:
    model = _model(layers.BatchNormalization())
    assert [w.name.split("/")[1] for w in model.weights[:4]] == [
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
    ]
    assert len(model.trainable_weights) == 4
    assert len(model.non_trainable_weights) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.BatchNormalization(axis=0)(_data()[0]), "0 is that of the batch"),
        (lambda: layers.BatchNormalization(axis=4)(_data()[0]), "axis 4 must be one of 1 to 3"),
        (lambda: layers.BatchNormalization(momentum=1.1), "momentum must be"),
        (lambda: layers.BatchNormalization(epsilon=-1), "epsilon must be at least 0"),
        (lambda: layers.BatchNormalization(renorm=True), "renorm"),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("axis", "others"), [(-1, (0, 1, 2)), (1, (0, 2, 3))])
def test_told_to_train_outside_of_training(axis: int, others: tuple[int, ...]) -> None:
    """By the batch's own statistics; the moving ones follow arrays only. A frozen layer goes by these."""
    x = np.random.default_rng(0).normal(3, 2, (6, 4, 5, 3)).astype(np.float32)
    layer = layers.BatchNormalization(axis)
    layer.build((None, 4, 5, 3))
    size = x.shape[axis]
    gamma, beta = np.linspace(0.5, 2, size), np.linspace(-1, 1, size)
    layer.set_weights([gamma, beta, np.zeros(size), np.ones(size)])
    mean, variance = x.astype(float).mean(others, keepdims=True), x.astype(float).var(others, keepdims=True)
    like = [size if each not in others else 1 for each in range(4)]
    want = (x - mean) / np.sqrt(variance + 1e-3) * gamma.reshape(like) + beta.reshape(like)
    source = Input(x.shape[1:])
    made = Model(source, layer(source, training=True))
    np.testing.assert_allclose(made.predict(x, verbose=0), want, rtol=1e-4, atol=1e-5)
    assert layer.get_weights()[2].any() == 0
    np.testing.assert_allclose(layer(x, training=True), want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.get_weights()[2], 0.01 * mean.ravel(), rtol=1e-4)
    np.testing.assert_allclose(layer.get_weights()[3], 0.99 + 0.01 * variance.ravel(), rtol=1e-4)
    layer.trainable = False
    np.testing.assert_array_equal(layer(x, training=True), layer(x))
