"""Layers, losses, functions and models of one's own: traced into a graph, they run compiled."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Model, Sequential, losses, ops
from cnnfast.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Input,
    Layer,
    MaxPooling2D,
    RepeatVector,
    Rescaling,
)
from cnnfast.layers.tracing import Tracing, Value
from cnnfast.models import load_model

RNG = np.random.default_rng(3)
N = 40
ROWS = RNG.normal(size=(N, 4)).astype(np.float32)
VALUES = RNG.normal(size=(N, 2)).astype(np.float32)


class Doubled(Layer):
    """relu(2 x): a layer of operations alone."""

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs + inputs)


class Block(Layer):
    """Layers in a layer, dropout by `training`, and two outputs."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.first = Dense(units, activation="tanh")
        self.rest = [Dense(units), Dropout(0.5)]

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        hidden = self.first(inputs)
        out = self.rest[1](self.rest[0](hidden), training=training)
        return {"sum": out + hidden, "hidden": hidden}


def test_layers_of_ones_own() -> None:
    x = RNG.normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_array_equal(Doubled()(x), np.maximum(2 * x, 0))
    block = Block(3)
    out = block(x)
    ka, ba, kb, bb = (w.astype(float) for w in block.get_weights())
    hidden = np.tanh(x @ ka + ba)
    np.testing.assert_allclose(out["hidden"], hidden, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(out["sum"], hidden @ kb + bb + hidden, rtol=1e-5, atol=1e-6)
    assert [w.shape for w in block.weights] == [(4, 3), (3,), (3, 3), (3,)]
    block.trainable = False
    assert block.trainable_weights == []


class Nested(Layer):
    """Layers in a layer, one of them in a list and one in a model, and a number of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.others, self.factor = Rescaling(2.0), [Rescaling(1.0)], 1.0
        inputs = Input((1,))
        self.model = Model(inputs, Rescaling(1.0, name="inner")(inputs))

    def call(self, inputs: Any) -> Any:
        return self.model(self.others[0](self.first(inputs))) * self.factor


def test_arrays_follow_what_attributes_are_set_to() -> None:
    """As in Keras, where each call on arrays runs the Python of `call`."""
    layer, one = Nested(), np.ones((1, 1), np.float32)

    def made() -> float:
        return float(layer(one)[0, 0])

    assert made() == 2.0
    layer.first.scale = 3.0
    assert made() == 3.0
    layer.others[0].offset = 1.0
    assert made() == 4.0
    layer.model.get_layer("inner").scale = 2.0
    assert made() == 8.0
    layer.factor = 0.5
    assert made() == 4.0
    layer.first = Rescaling(5.0)
    assert made() == 6.0
    layer.others[0] = Rescaling(7.0)
    assert made() == 35.0
    copied = pickle.loads(pickle.dumps(layer))
    copied.factor = 1.0
    assert float(copied(one)[0, 0]) == 70.0
    assert made() == 35.0


def test_arrays_are_compiled_for_once_while_attributes_stay() -> None:
    """Changes of other layers, and new ones, are none of its."""
    layer, one = Nested(), np.ones((1, 1), np.float32)
    layer(one)
    before = layer._alone
    Rescaling(2.0).scale = 3.0
    layer(one)
    assert layer._alone is before
    copied = copy.deepcopy(layer)
    copied(one)
    before = copied._alone
    copied(one)
    assert copied._alone is before


def test_layers_of_ones_own_train_in_models() -> None:
    cnnfast.set_random_seed(0)  # with one seed in 500 dropout happens to change the loss by less than that
    source = Input((4,))
    made = Block(3, name="block")(Doubled()(source))
    model = Model(source, Dense(2, name="head")(made["sum"]))
    model.compile("sgd", "mse")
    before = model.get_weights()
    first = model.evaluate(ROWS, VALUES, verbose=0)
    assert model.train_on_batch(ROWS, VALUES) != pytest.approx(first, rel=1e-3), "dropout acts"
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    for _ in range(60):
        model.train_on_batch(ROWS, VALUES)
    assert model.evaluate(ROWS, VALUES, verbose=0) < first


def test_a_traced_function_may_not_look_at_numbers() -> None:
    class Looks(Layer):
        def call(self, inputs: Any) -> Any:
            return inputs if inputs > 0 else -inputs

    class Numpy(Layer):
        def call(self, inputs: Any) -> Any:
            return np.tanh(inputs)

    class Leaves(Layer):
        def call(self, inputs: Any) -> Any:
            return 3

    with pytest.raises(TypeError, match=r"numpy\.tanh.*use cnnfast\.ops\.tanh"):
        Numpy()(Input((4,)))
    with pytest.raises((TypeError, AttributeError)):
        Looks()(Input((4,)))
    with pytest.raises(ValueError, match="must return what its layers"):
        Leaves()(Input((4,)))


def test_numbers_are_told_from_what_stands_for_them() -> None:
    graph = Tracing()
    value = graph.value(graph.input((3,), "x"))
    with pytest.raises(TypeError, match=r"test_tracing.py:\d+: cannot decide by it.*ops.where"):
        bool(value)
    with pytest.raises(TypeError, match=r"test_tracing.py:\d+: cannot make a number"):
        int(value)
    with pytest.raises(TypeError, match="cannot make an array of it"):
        np.asarray(value)
    with pytest.raises(TypeError, match=r"test_tracing.py:\d+: cannot make an array of it"):
        np.median(value)
    with pytest.raises(TypeError, match="cannot go through its samples"):
        list(value)
    other = Tracing()
    with pytest.raises(ValueError, match="made in another call"):
        other.as_value(value)


def test_weights_are_values_in_call() -> None:
    weight = Dense(2).add_weight(shape=(3,), initializer="ones", name="scale")
    graph = Tracing()
    with graph.within():
        made = ops.relu(weight)
    assert isinstance(made, Value)
    assert made.shape == (3,)
    assert graph.as_value(weight).number == graph.as_value(weight).number
    assert ops.relu(weight).tolist() == [1, 1, 1]


@pytest.mark.parametrize("batch", [7, 16, N])
def test_a_function_as_a_loss(batch: int) -> None:
    """Of several numbers a sample, or one: the mean of all."""
    for fn, expected in [
        (lambda y, p: ops.tanh(y + p), lambda y, p: np.tanh(y + p)),
        (lambda y, p: ops.sigmoid(p), lambda y, p: 1 / (1 + np.exp(-p))),
    ]:
        model = cnnfast.Sequential([Input((4,)), Dense(2)])
        model.compile("sgd", fn)
        out = model.predict(ROWS, verbose=0).astype(float)
        loss = expected(VALUES.astype(float), out).mean()
        assert model.evaluate(ROWS, VALUES, batch_size=batch, verbose=0) == pytest.approx(loss, rel=1e-5)
        kernel = model.get_weights()[0].astype(float)
        model.train_on_batch(ROWS, VALUES)
        step = 1e-4
        slope = expected(VALUES.astype(float), out + step) - expected(VALUES.astype(float), out - step)
        by_kernel = ROWS.T.astype(float) @ (slope / (2 * step) / out.size)
        np.testing.assert_allclose((kernel - model.get_weights()[0]) / 0.01, by_kernel, rtol=2e-3, atol=2e-5)


def test_a_loss_of_ones_own() -> None:
    class Sum(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.relu(y_true + y_pred)

    for reduction in ("sum", "sum_over_batch_size"):
        model = cnnfast.Sequential([Input((4,)), Dense(2)])
        model.compile("sgd", Sum(reduction=reduction))
        out = np.maximum(model.predict(ROWS, verbose=0).astype(float) + VALUES, 0)
        for n in (16, 32):
            wanted = out[:n].sum() if reduction == "sum" else out[:n].mean()
            assert model.test_on_batch(ROWS[:n], VALUES[:n]) == pytest.approx(wanted, rel=1e-5)

    class Nothing(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return 1.0

    model.compile("sgd", Nothing())
    with pytest.raises(ValueError, match=r"loss 'nothing' must return what functions of cnnfast.ops made"):
        model.train_on_batch(ROWS, VALUES)


def _segmenter() -> Model:
    source = Input((None, None, 1))
    hidden = MaxPooling2D()(Conv2D(3, 3, padding="same", activation="relu")(source))
    return Model(source, Conv2DTranspose(2, 2, strides=2)(hidden))


def test_sizes_that_are_not_known_in_advance(tmp_path: Path) -> None:
    """One model for all: weights, optimizer and memory are shared; results as of models of fixed sizes."""
    model = _segmenter()
    assert model.input_shape == (None, None, None, 1)
    assert model.output_shape == (None, None, None, 2)
    model.compile("adam", "mse")
    twin_weights = model.get_weights()
    sizes = [(8, 8), (12, 6), (30, 22), (8, 8)]
    batches = [
        (RNG.normal(size=(4, *s, 1)).astype(np.float32), RNG.normal(size=(4, *s, 2)).astype(np.float32))
        for s in sizes
    ]
    slots: dict[str, np.ndarray] = {}
    for step, (x, y) in enumerate(batches):
        source = Input(x.shape[1:])
        hidden = MaxPooling2D()(Conv2D(3, 3, padding="same", activation="relu")(source))
        twin = Model(source, Conv2DTranspose(2, 2, strides=2)(hidden))
        twin.set_weights(twin_weights)
        twin.compile("adam", "mse")
        if slots:
            twin.network.set_optimizer_state(slots, step)
        np.testing.assert_array_equal(model.predict(x, verbose=0), twin.predict(x, verbose=0))
        assert model.train_on_batch(x, y) == twin.train_on_batch(x, y)
        twin_weights, slots = twin.get_weights(), twin.network.optimizer_state()
        for got, wanted in zip(model.get_weights(), twin_weights, strict=True):
            np.testing.assert_array_equal(got, wanted)
    assert model.optimizer.iterations == len(sizes)
    with pytest.raises(ValueError, match=r"must have shape \(None, None, None, 1\)"):
        model.predict(np.zeros((1, 8, 8, 3)))
    model.save(tmp_path / "net")
    again = load_model(tmp_path / "net")
    x, y = batches[1]
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.train_on_batch(x, y) == model.train_on_batch(x, y)


def test_many_sizes_take_no_more_memory_than_the_largest() -> None:
    model = _segmenter()
    largest = 0
    for size in [*range(8, 40, 2), *range(40, 8, -2)]:
        x = np.ones((2, size, size, 1), np.float32)
        model.predict(x, verbose=0)
        largest = max(largest, model.network.arena_bytes)
        assert model.network.arena_bytes == largest
    assert len(model._networks._others) <= 8


class Tower(Model):
    """A model by its `call`: its own `if training`, operations, and sizes as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = Conv2D(2, 3, padding="same")
        self.drop = Dropout(0.5)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        out = ops.relu(self.conv(inputs))
        return self.drop(out, training=training) if training else out + out


def test_models_by_their_call(tmp_path: Path) -> None:
    model = Tower()
    assert not model.built
    x = RNG.normal(size=(4, 6, 6, 1)).astype(np.float32)
    out = model.predict(x, verbose=0)
    assert [layer.name for layer in model.layers] == [model.conv.name, model.drop.name]
    np.testing.assert_allclose(out, 2 * np.maximum(model.conv(x), 0), rtol=1e-6)
    assert model(x[:, :4]).shape == (4, 4, 6, 2)
    model.compile("sgd", "mse")
    y = np.zeros((4, 6, 6, 2), np.float32)
    before = model.evaluate(x, y, verbose=0)
    assert before == pytest.approx((out.astype(float) ** 2).mean(), rel=1e-5)
    model.fit(x, y, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before
    assert model.count_params() == 20
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert any(model.conv.name in line for line in lines)
    model.save_weights(tmp_path / "weights")
    other = Tower()
    other.build((None, 6, 6, 1))
    other.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
    with pytest.raises(ValueError, match="save_weights"):
        model.save(tmp_path / "model")


def test_a_model_by_its_call_in_another() -> None:
    inner = Tower()
    source = Input((6, 6, 1))
    outer = Model(source, Conv2D(1, 1)(inner(source)))
    x = RNG.normal(size=(3, 6, 6, 1)).astype(np.float32)
    kernel, bias = outer.layers[-1].get_weights()
    expected = inner(x).astype(float) @ kernel[0, 0] + bias
    np.testing.assert_allclose(outer.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    assert outer.count_params() == inner.count_params() + 3


def test_inputs_and_outputs_by_name() -> None:
    class Two(Model):
        def __init__(self) -> None:
            super().__init__(name="two")
            self.a, self.b = Dense(3), Dense(2, activation="softmax")

        def call(self, inputs: Any) -> Any:
            return {"p": self.a(inputs["x"]), "q": self.b(inputs["y"])}

    model = Two()
    model.compile("adam", {"p": "mse", "q": "sparse_categorical_crossentropy"})
    x = {"x": np.ones((6, 4)), "y": np.ones((6, 5))}
    history = model.fit(x, {"p": np.ones((6, 3)), "q": np.zeros(6, int)}, verbose=0).history
    assert list(history) == ["loss", "p_loss", "q_loss"]
    assert (model.input_names, model.output_names) == (["x", "y"], ["p", "q"])
    assert {name: out.shape for name, out in model.predict(x, verbose=0).items()} == {
        "p": (6, 3),
        "q": (6, 2),
    }


def test_a_model_that_fails_is_as_before() -> None:
    class Wrong(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(3)
            self.repeat = RepeatVector(2)

        def call(self, inputs: Any) -> Any:
            return self.repeat(self.dense(inputs))

    model = Wrong()
    with pytest.raises(ValueError, match="RepeatVector takes vectors"):
        model.predict(np.ones((2, 3, 3, 4)))
    assert not model.built
    assert model.predict(np.ones((2, 4)), verbose=0).shape == (2, 2, 3)


def test_a_function_as_a_metric() -> None:
    def shifted(y_true: Any, y_pred: Any) -> Any:
        return ops.sigmoid(y_true + y_pred)

    model = cnnfast.Sequential([Input((4,)), Dense(2)])
    model.compile("sgd", "mse", metrics=[shifted, "mae"])
    out = model.predict(ROWS, verbose=0).astype(float) + VALUES
    logs = model.evaluate(ROWS, VALUES, batch_size=7, verbose=0, return_dict=True)
    assert list(logs) == ["loss", "shifted", "mae"]
    assert logs["shifted"] == pytest.approx((1 / (1 + np.exp(-out))).mean(), rel=1e-5)


def test_a_metric_by_its_variables() -> None:
    """Variables go from step to step, in evaluation as in training; here by a constant."""

    class Batches(cnnfast.metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="batches")
            self.count = self.add_variable(shape=(2,), initializer="ones")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.count.assign_add(np.array([1.0, 2.0]))

        def result(self) -> Any:
            return self.count.numpy().sum() - 2

    model = cnnfast.Sequential([Input((4,)), Dense(2)])
    model.compile("sgd", "mse", metrics=["mae", Batches()])
    logs = model.evaluate(ROWS, VALUES, batch_size=7, verbose=0, return_dict=True)
    assert logs["batches"] == 3 * 6
    history = model.fit(ROWS, VALUES, batch_size=20, epochs=2, verbose=0, validation_data=(ROWS, VALUES))
    assert history.history["batches"] == [6, 6]
    assert history.history["val_batches"] == [6, 6]
    assert model.train_on_batch(ROWS, VALUES)[2] == 3


class Scaled(Layer):
    """relu(scale x + shift): weights of one's own in formulas."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")
        self.shift = self.add_weight(shape=(), initializer="zeros", name="shift")

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs * self.scale + self.shift)


def test_weights_of_ones_own_learn() -> None:
    model = cnnfast.Sequential([Input((4,)), Scaled(), Dense(2)])
    model.compile("sgd", "mse")
    assert [w.shape for w in model.get_weights()] == [(4,), (), (4, 2), (2,)]
    before = [w.astype(float) for w in model.get_weights()]

    def loss(scale: np.ndarray, shift: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> float:
        out = np.maximum(ROWS.astype(float) * scale + shift, 0) @ kernel + bias
        return float(((out - VALUES) ** 2).mean())

    assert model.train_on_batch(ROWS, VALUES) == pytest.approx(loss(*before), rel=1e-5)
    after = model.get_weights()
    for i, array in enumerate(before):
        for at in np.ndindex(*array.shape):
            moved = [w.copy() for w in before]
            moved[i][at] += 1e-6
            above = loss(*moved)
            moved[i][at] -= 2e-6
            slope = (above - loss(*moved)) / 2e-6
            assert (array[at] - after[i][at]) / 0.01 == pytest.approx(slope, rel=2e-3, abs=2e-4)


def test_weights_of_samples_and_losses_of_ones_own() -> None:
    """As the same loss with a kernel, weighted metrics included."""

    def squares(y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred) ** 2

    rates = RNG.uniform(0, 2, N).astype(np.float32)
    model = cnnfast.Sequential([Input((4,)), Dense(2)])
    results = []
    for loss in ("mse", squares):
        model.compile("sgd", loss, metrics=["mae"], weighted_metrics=["mse"])
        results.append(model.evaluate(ROWS, VALUES, sample_weight=rates, batch_size=16, verbose=0))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)
    errors = model.predict(ROWS, verbose=0).astype(float) - VALUES
    per_sample = (errors**2).mean(-1)
    expected = [
        (per_sample * rates).mean(),
        np.abs(errors).mean(),
        (per_sample * rates).sum() / rates.astype(float).sum(),
    ]
    np.testing.assert_allclose(results[1], expected, rtol=1e-5)

    def scalar(y_true: Any, y_pred: Any) -> Any:
        return ops.relu(model.layers[0].bias)

    model.compile("sgd", scalar)
    with pytest.raises(ValueError, match="return a number for each sample"):
        model.evaluate(ROWS, VALUES, sample_weight=rates, verbose=0)


class Shifted(Model):
    """A model with a weight of its own beside a layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Dense(2)

    def build(self, input_shape: Any) -> None:
        self.shift = self.add_weight((2,), "zeros", name="shift")
        super().build(input_shape)
        self.built = True  # as in Keras

    def call(self, inputs: Any) -> Any:
        return self.head(inputs) + self.shift


@pytest.mark.parametrize("frozen_first", [True, False])
def test_a_frozen_model_freezes_its_own_weights(frozen_first: bool) -> None:
    model = Shifted()
    if frozen_first:
        model.trainable = False
    model.build((None, 3))
    model.trainable = False
    assert not model.trainable
    assert model.trainable_weights == []
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    model.head.trainable = True
    assert model.trainable
    assert len(model.trainable_weights) == 2
    model.trainable = True
    assert len(model.trainable_weights) == 3


class Powers(Layer):
    """Uses NumPy in its `call`."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return self.function(inputs, self.scale)


def test_arrays_before_an_operator() -> None:
    """Also before a weight, which is trained then: it is no constant."""
    two = np.array([1, 2, 3], np.float32)
    model = Sequential([Input((3,)), Powers(lambda x, w: two * w + np.float32(2) ** x - (two < x))])
    x = np.array([[0, 1, 5]], np.float32)
    np.testing.assert_allclose(model.predict(x, verbose=0), two + 2**x - (two < x), rtol=1e-6)
    model.compile("sgd", "mse")
    model.train_on_batch(x, x)
    assert not np.array_equal(model.get_weights()[0], np.ones(3))
    weight = model.layers[0].scale
    assert isinstance(np.exp(weight), np.ndarray)
    np.testing.assert_array_equal(two * weight, two * weight.numpy())


@pytest.mark.parametrize(
    ("function", "instead"),
    [
        (lambda x, w: np.exp(x), "numpy.exp.*cnnfast.ops.exp"),
        (lambda x, w: np.exp(w) * x, "numpy.exp.*cnnfast.ops.exp"),
        (lambda x, w: np.heaviside(x, 1), "numpy.heaviside.*cnnfast.ops.(heaviside|numpy_function)"),
        (lambda x, w: np.add(x, x, out=np.ones(3)), "numpy.add.*cnnfast.ops.add"),
        (lambda x, w: np.median(x), "make an array.*cnnfast.ops"),
    ],
)
def test_functions_of_numpy_are_refused(function: Any, instead: str) -> None:
    with pytest.raises(TypeError, match=rf"test_tracing.py:\d+: cannot .*{instead}"):
        Powers(function)(Input((3,)))
    source = Input((3,))
    with pytest.raises(TypeError, match=r"to numpy\.exp: .*has no numbers; use cnnfast\.ops\.exp"):
        np.exp(source)
    assert (np.ones(3, np.float32) * source).shape == (None, 3)


class _Built(Model):
    """Makes its weights in a `build`, which goes on to `Model.build` where it is told, or nowhere."""

    def __init__(self, goes_on: str) -> None:
        super().__init__()
        self.goes_on, self.builds = goes_on, 0

    def build(self, input_shape: Any) -> None:
        if self.goes_on == "first":
            super().build(input_shape)
        self.builds += 1
        self.kernel = self.add_weight((input_shape[-1], 3))
        self.head = Dense(2)
        if self.goes_on == "last":
            super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        return self.head(ops.matmul(inputs, self.kernel))


class _BuiltFurther(_Built):
    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.scale = self.add_weight((2,))

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) * self.scale


@pytest.mark.parametrize("goes_on", ["first", "last", "nowhere"])
@pytest.mark.parametrize("kind", [_Built, _BuiltFurther])
def test_a_model_is_asked_to_build_once(kind: type[_Built], goes_on: str) -> None:
    x = np.ones((8, 4), np.float32)
    parameters = 4 * 3 + 3 * 2 + 2 + (2 if kind is _BuiltFurther else 0)

    def by_hand(model: _Built) -> None:
        model.build((None, 4))
        assert model.built

    def by_fit(model: _Built) -> None:
        model.compile("sgd", "mse")
        model.fit(x, np.zeros((8, 2)), verbose=0)

    def inside(model: _Built) -> None:
        source = Input((4,))
        assert Model(source, model(source)).count_params() == parameters

    for first in (by_hand, by_fit, inside, lambda model: model(x)):
        model = kind(goes_on)
        first(model)
        assert model.predict(x, verbose=0).shape == (8, 2)
        assert (model.builds, model.count_params()) == (1, parameters)


def test_a_build_that_does_not_suit_leaves_a_model_unbuilt() -> None:
    class Short(Model):
        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight((input_shape[-1], 3))

        def call(self, inputs: Any) -> Any:
            return ops.matmul(inputs, self.kernel) + inputs

    model = Short()
    with pytest.raises(ValueError, match="4"):
        model.build((None, 4))
    assert not model.built
    model.build((None, 3))
    assert model.predict(np.ones((2, 3)), verbose=0).shape == (2, 3)
