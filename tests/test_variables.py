"""Variables of one's own: Keras's arguments, as weights of layers and models, and moved by optimizers."""

import copy
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Model, Sequential, Variable, initializers, layers, ops, optimizers

X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)


def test_how_it_begins() -> None:
    assert isinstance(layers.Dense(2).add_weight((3,)), Variable)
    np.testing.assert_array_equal(Variable([[1, 2], [3, 4]]).numpy(), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(Variable("ones", (2,), name="v").numpy(), [1, 1])
    np.testing.assert_array_equal(Variable(initializers.Constant(3.0), shape=(1, 2)).numpy(), [[3, 3]])
    np.testing.assert_array_equal(Variable(lambda shape, dtype: np.full(shape, 2.0), (2,)).numpy(), [2, 2])
    cnnfast.set_random_seed(1)
    first = Variable("glorot_uniform", (3, 2)).numpy()
    cnnfast.set_random_seed(1)
    np.testing.assert_array_equal(Variable("glorot_uniform", (3, 2)).numpy(), first)
    one = Variable(2.0, trainable=False, name="one")
    assert (one.shape, one.ndim, one.trainable, one.name, one.dtype) == ((), 0, False, "one", np.float32)
    one.assign_add(1.5)
    assert float(one * 2) == 7.0
    assert Variable(1.0).name != Variable(1.0).name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initializer": "ones"}, "needs a shape"),
        ({"initializer": [1.0, 2.0], "shape": (3,)}, "shape"),
        ({"initializer": 1.0, "dtype": "int32"}, "does not offer dtype"),
        ({"initializer": "onse", "shape": (1,)}, "did you mean"),
    ],
)
def test_refusals(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Variable(**arguments)


class Scaled(layers.Layer):
    """Has variables of its own, made in `__init__`, without `build`."""

    def __init__(self) -> None:
        super().__init__(name="scaled")
        self.scale = Variable([1.0, 2.0, 3.0], name="scale")
        self.seen = Variable(0.0, trainable=False, name="seen")
        self.same = self.scale

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self.seen.assign_add(ops.cast(ops.shape(inputs)[0], "float32"))
        return inputs * self.scale


def test_as_weights_of_a_layer(tmp_path: Any) -> None:
    layer = Scaled()
    assert [each.name for each in layer.weights] == ["scale", "seen"]
    assert [each.name for each in layer.trainable_weights] == ["scale"]
    source = Input((3,))
    model = Model(source, layer(source))
    assert model.count_params() == 4
    model.compile(optimizers.SGD(0.5), "mse")
    model.train_on_batch(X, X)
    want = np.array([1, 2, 3]) - 0.5 * (2 * X * (X * [1, 2, 3] - X)).mean(0) / 3
    np.testing.assert_allclose(layer.scale.numpy(), want, rtol=1e-5)
    assert float(layer.seen) == 8
    model.save_weights(tmp_path / "weights")
    before = model.predict(X, verbose=0)
    layer.scale.assign([0, 0, 0])
    model.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)
    np.testing.assert_array_equal(copy.deepcopy(layer).scale.numpy(), layer.scale.numpy())
    layer.trainable = False
    assert layer.trainable_weights == []
    layer.trainable = True
    assert [each.name for each in layer.trainable_weights] == ["scale"]


def test_as_weights_of_a_model() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.shift = Variable(np.zeros(3), name="shift")

        def call(self, inputs: Any) -> Any:
            return inputs + self.shift

    model = Own()
    model.compile(optimizers.SGD(1.5), "mse")
    model.fit(X, X + 1, batch_size=8, epochs=1, verbose=0)
    np.testing.assert_allclose(model.shift.numpy(), np.ones(3), rtol=1e-5)
    assert [each.name for each in model.weights] == ["shift"]


def test_optimizers_move_them_at_once() -> None:
    variable = Variable(np.ones(3))
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    for _ in range(2):
        optimizer.apply([np.array([1.0, 2.0, 3.0])], [variable])
    np.testing.assert_allclose(variable.numpy(), 1 - 0.1 * (2.9 * np.array([1, 2, 3])), rtol=1e-5)


class Steps(layers.Layer):
    """Counts its calls twice, and adds what it has counted: before, in between, after."""

    def build(self, input_shape: Any) -> None:
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        before = self.count + 0.0
        if training:
            self.count.assign_add(1.0)
            between = self.count + 0.0
            self.count.assign(self.count * 2.0)
            return inputs * self.scale + ops.stack([before, between, self.count.value])
        return inputs * self.scale + before


def test_what_is_assigned_is_read_from_then_on() -> None:
    model = Sequential([Input((3,)), layer := Steps()])
    model.compile("sgd", lambda y, p: ops.mean(ops.abs(y - p), axis=-1))
    x = np.zeros((2, 3), np.float32)
    layer.scale.trainable = False
    assert model.train_on_batch(x, x) == pytest.approx((0 + 1 + 2) / 3)
    assert model.train_on_batch(x, x) == pytest.approx((2 + 3 + 6) / 3)
    assert float(layer.count.numpy()) == 6
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.full((2, 3), 6.0))
    # Trained ones come first, as Keras lists them.
    assert [variable.name.split("/")[-1] for variable in model.weights] == ["scale", "count"]
