"""Copies and pickles of models and layers: the same numbers, and training that goes on as if nothing was."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, layers, ops, optimizers

X = np.random.default_rng(1).random((20, 8, 8, 3), np.float32)
Y = np.eye(5, dtype=np.float32)[np.arange(20) % 5]


class Scaled(layers.Layer):
    """A layer of one's own, with a layer and a weight that has rules."""

    def __init__(self) -> None:
        super().__init__(name="scaled")
        self.inner = layers.Dense(4)

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight((), "ones", regularizer="l2", constraint="non_neg", name="factor")

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs) * self.factor


class Called(Model):
    def __init__(self) -> None:
        super().__init__()
        self.parts = [layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(5, activation="softmax")]

    def call(self, inputs: Any) -> Any:
        for part in self.parts:
            inputs = part(inputs)
        return inputs


def squares(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_true - y_pred), -1)


def graph() -> Model:
    image = Input((8, 8, 3))
    twice = layers.Conv2D(4, 3, kernel_regularizer="l1", kernel_constraint="max_norm")
    x = layers.Add()([twice(image), twice(image)])
    x = layers.Dropout(0.5)(layers.BatchNormalization()(x))
    trunk = Sequential([Scaled(), layers.Flatten()])
    return Model(image, layers.Dense(5, activation="softmax")(trunk(x)))


def chain() -> Sequential:
    return Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(5, activation="softmax")])


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("again", [copy.deepcopy, pickled])
@pytest.mark.parametrize("optimizer", [lambda: "adam", lambda: optimizers.Lamb(use_ema=True)])
@pytest.mark.parametrize("make", [graph, chain, Called])
def test_training_goes_on(make: Callable[[], Any], optimizer: Callable[[], Any], again: Any) -> None:
    model = make()
    model.compile(optimizer(), squares, metrics=["accuracy"])
    untrained = again(model)
    model.fit(X, Y, epochs=2, verbose=0)
    other = again(model)
    assert type(other) is type(model)
    assert [layer.name for layer in other.layers] == [layer.name for layer in model.layers]
    losses = [each.fit(X, Y, epochs=2, verbose=0).history for each in (model, other)]
    assert losses[0] == losses[1]
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    before = other.get_weights()
    model.fit(X, Y, verbose=0)  # they share nothing
    for mine, theirs in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    untrained.fit(X, Y, verbose=0)
    assert untrained.built


def test_shared_layers_stay_shared() -> None:
    image = Input((4,))
    shared = layers.Dense(4)
    encoder = Model(image, shared(image))
    both = Model(image, shared(encoder(image)))
    inner, outer = pickled((encoder, both))
    outer.get_layer(shared.name).set_weights([np.eye(4), np.zeros(4)])
    np.testing.assert_array_equal(inner.predict(np.ones((1, 4)), verbose=0), np.ones((1, 4)))


@pytest.mark.parametrize("again", [copy.deepcopy, pickled])
def test_layers(again: Any) -> None:
    layer = layers.Conv2D(3, 3, kernel_constraint="non_neg", kernel_regularizer="l2", trainable=False)
    assert not again(layer).built
    layer.build((None, 8, 8, 3))
    other = again(layer)
    np.testing.assert_array_equal(layer(X), other(X))
    assert other.kernel is other.weights[0]
    assert not other.kernel.trainable
    assert other.kernel.constraint == layer.kernel.constraint
    other.set_weights([np.zeros((3, 3, 3, 3)), np.zeros(3)])
    assert layer.kernel.numpy().any()


def test_every_layer_without_arguments() -> None:
    for name in layers.__all__:
        made = getattr(layers, name)
        if isinstance(made, type) and issubclass(made, layers.Layer):
            try:
                layer = made()
            except (TypeError, ValueError):  # it needs arguments
                continue
            assert pickled(layer).get_config() == copy.deepcopy(layer).get_config() == layer.get_config()


def test_code_without_a_name_is_pickled_by_nobody() -> None:
    model = chain()
    model.compile("sgd", lambda y, p: ops.mean(ops.abs(y - p), -1))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(model)
    copy.deepcopy(model).fit(X, Y, verbose=0)
