"""NumPy functions of one's own within compiled steps: values, gradients, and what goes wrong."""

from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Model, Sequential, layers, ops, optimizers


def _sorted(x: Any) -> Any:
    """Something that ops cannot say by itself."""
    order = np.argsort

    def gradient(a: np.ndarray, grad: np.ndarray) -> np.ndarray:
        made = np.empty_like(grad)
        np.put_along_axis(made, order(a, axis=-1), grad, axis=-1)
        return made

    return ops.numpy_function(lambda a: np.sort(a, axis=-1), x, gradient)


def _scaled(inputs: Any) -> Any:
    return ops.numpy_function(
        lambda a, b: a * b, inputs, lambda a, b, grad: (grad * b, (grad * a).sum(axis=0))
    )


class Scale(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return _scaled([inputs, self.scale])


def _twins() -> tuple[Any, Any]:
    made = []
    for own in (True, False):
        cnnfast.set_random_seed(0)
        x = Input((6, 6, 2))
        h = layers.Conv2D(4, 3, activation="tanh")(x)
        h = layers.Flatten()(h)
        h = Scale()(h) if own else h
        h = layers.Lambda(_sorted)(h) if own else ops.sort(h)
        made.append(Model(x, layers.Dense(3)(h)))
    return made[0], made[1]


def test_trains_as_what_the_core_has(threads: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 6, 6, 2)).astype(np.float32), rng.normal(size=(16, 3)).astype(np.float32)
    for count in (1, 3):
        threads(count)
        own, twin = _twins()
        begin = own.get_weights()
        twin.set_weights([w for w in begin if w.shape != begin[2].shape])
        np.testing.assert_allclose(own.predict(x), twin.predict(x), atol=1e-6)
        for model in (own, twin):
            model.compile(optimizers.SGD(0.05), "mse")
        own.layers[3].trainable = False
        for _ in range(3):
            assert own.train_on_batch(x, y) == pytest.approx(twin.train_on_batch(x, y), rel=1e-5)
        got = [w for w in own.get_weights() if w.shape != begin[2].shape]
        for one, other in zip(got, twin.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_weights_and_arrays() -> None:
    rng = np.random.default_rng(1)
    a, b, given = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(4, 3))
    np.testing.assert_allclose(_scaled([a, b]), a * b, rtol=1e-6)
    by_a, by_b = ops.grad(lambda a, b: _scaled([a, b]), (0, 1))(a, b, grad_out=given)
    np.testing.assert_allclose(by_a, given * b, rtol=1e-5)
    np.testing.assert_allclose(by_b, (given * a).sum(0), rtol=1e-5, atol=1e-6)
    stopped = ops.grad(lambda a: ops.numpy_function(np.exp, a) * a)(a)
    np.testing.assert_allclose(stopped, np.exp(a), rtol=1e-5)


def test_symbolic_tensors_and_losses() -> None:
    x = Input((5,))
    model = Model(x, ops.numpy_function(lambda a, b: a[:, ::-1] + b, [x, layers.Dense(5)(x)]))
    samples = np.random.default_rng(2).normal(size=(3, 5)).astype(np.float32)
    want = samples[:, ::-1] + samples @ model.get_weights()[0]
    np.testing.assert_allclose(model.predict(samples), want, atol=1e-6)

    def loss(y_true: Any, y_pred: Any) -> Any:
        return ops.numpy_function(
            lambda t, p: ((t - p) ** 2).mean(-1),
            [y_true, y_pred],
            lambda t, p, grad: (None, 2 * (p - t) * grad[:, None] / t.shape[-1]),
        )

    weights = []
    for each in (loss, "mse"):
        cnnfast.set_random_seed(0)
        trained = Sequential([Input((5,)), layers.Dense(2)])
        trained.compile(optimizers.SGD(0.1), each)
        trained.fit(samples, np.ones((3, 2)), epochs=3, verbose=0)
        weights.append(trained.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_what_goes_wrong_changes_nothing(threads: Any) -> None:
    threads(2)
    state = {"fails": False}

    def doubled(a: np.ndarray) -> np.ndarray:
        if state["fails"]:
            raise RuntimeError("on purpose")
        return 2 * a

    def wrong(a: np.ndarray, grad: np.ndarray) -> np.ndarray:
        return grad * state.get("factor", 3)

    x, y = np.ones((64, 100), np.float32), np.ones((64, 100), np.float32)
    model = Sequential([Input((100,)), layers.Dense(400), layers.Dense(400)])
    model.add(layers.Lambda(lambda v: ops.numpy_function(doubled, v, wrong)))
    model.add(layers.Dense(100))
    model.compile(optimizers.Adam(), "mse")
    begin = model.get_weights()
    with pytest.raises(ValueError, match="is not that of the function"):
        model.train_on_batch(x, y)
    state["factor"] = 2
    state["fails"] = True
    for call in (lambda: model.train_on_batch(x, y), lambda: model.predict(x, verbose=0)):
        with pytest.raises(RuntimeError, match="on purpose"):
            call()
    assert model.optimizer.iterations == 0
    assert all(np.array_equal(a, b) for a, b in zip(begin, model.get_weights(), strict=True))
    state["fails"] = False
    first = model.train_on_batch(x, y)
    assert model.train_on_batch(x, y) < first


def test_what_a_failed_call_left_unpacked_is_packed_later(threads: Any) -> None:
    threads(2)
    state = {"fails": False}

    def same(a: np.ndarray) -> np.ndarray:
        if state["fails"]:
            raise RuntimeError("on purpose")
        return a

    x = np.random.default_rng(0).normal(size=(64, 8, 8, 16)).astype(np.float32)
    model = Sequential([Input((8, 8, 16)), layers.Lambda(lambda v: ops.numpy_function(same, v))])
    model.add(layers.Conv2D(32, 3))
    model.add(layers.Flatten())
    model.add(layers.Dense(40))
    expected = model.predict_on_batch(x)
    model.predict_on_batch(x[:32])  # a program that takes the memory over, packed weights and all
    state["fails"] = True
    with pytest.raises(RuntimeError, match="on purpose"):
        model.predict_on_batch(x)
    state["fails"] = False
    np.testing.assert_array_equal(model.predict_on_batch(x), expected)


def test_refusals() -> None:
    x = Input((4,))
    for function, message in {
        (lambda a: a.sum()): "must return a row for each",
        (lambda a: np.ones((len(a), len(a)))): "as samples are more",
    }.items():
        with pytest.raises(ValueError, match=message):
            ops.numpy_function(function, x)
    with pytest.raises(ValueError, match="at least one input"):
        ops.numpy_function(np.exp, [])
    short = ops.grad(lambda a, b: ops.numpy_function(np.add, [a, b], lambda a, b, grad: grad))
    with pytest.raises(ValueError, match="must be 2 arrays, got 1"):
        short(np.ones(3), np.ones(3))
    grown = ops.grad(lambda a: ops.numpy_function(np.exp, a, lambda a, grad: np.ones(5)))
    with pytest.raises(ValueError, match=r"must return \(3,\)|broadcast"):
        grown(np.ones(3))
