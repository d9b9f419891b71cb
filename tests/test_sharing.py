"""Models that share layers: one weight, one home, whoever makes, runs, trains, sets, saves or drops."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference.conv import conv, conv_grad
from reference.dense import activation_grad, dense, dense_grad
from reference.pool import average_pool, average_pool_grad
from support.keras_backend import keras_on
from support.models import same_bits
from support.shared_layers import Program, observations

import cnnfast
from cnnfast import Input, Model, Sequential, callbacks, layers


@pytest.mark.sweep(range(500))
def test_random_programs(case: int, tmp_path: Path) -> None:
    Program(case, tmp_path).run(12)


X = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)


def autoencoder() -> tuple[Any, Any, Any]:
    """An encoder, a decoder over codes of three numbers, and both in a row, of the same four layers."""
    inputs, code = Input((6,)), Input((3,))
    first, second = layers.Dense(5, activation="tanh"), layers.Dense(3)
    third, fourth = layers.Dense(5, activation="tanh"), layers.Dense(6)
    encoder = Model(inputs, second(first(inputs)))
    decoder = Model(code, fourth(third(code)))
    whole = Model(inputs, fourth(third(second(first(inputs)))))
    whole.compile("adam", "mse")
    return whole, encoder, decoder


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_autoencoder_and_its_halves(order: tuple[int, ...]) -> None:
    """Whichever ran first, the halves follow the training of the whole, and layers speak for all."""
    models = autoencoder()
    whole, encoder, decoder = models
    runs = [lambda: whole.predict(X, verbose=0), lambda: encoder.predict(X, verbose=0)]
    runs.append(lambda: decoder.predict(X[:, :3], verbose=0))
    for which in order:
        runs[which]()
    before = whole.get_weights()
    whole.fit(X, X, epochs=3, verbose=0)
    assert not same_bits(before, whole.get_weights())
    got = decoder.predict(encoder.predict(X, verbose=0), verbose=0)
    np.testing.assert_allclose(got, whole.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    assert same_bits([*encoder.get_weights(), *decoder.get_weights()], whole.get_weights())
    encoder.layers[1].set_weights([np.zeros((6, 5)), np.ones(5)])
    assert (whole.get_weights()[1] == 1).all()
    assert np.ptp(whole.predict(X, verbose=0), axis=0).max() == 0, "the first layer no longer sees x"
    assert encoder.layers[1].kernel is whole.layers[1].kernel, "the same object"


def test_two_heads_on_one_trunk() -> None:
    inputs = Input((6,))
    trunk = layers.Dense(4, activation="relu")
    one, two = (Model(inputs, layers.Dense(2)(trunk(inputs))) for _ in range(2))
    for model in (one, two):
        model.compile("sgd", "mse")
    before = two.predict(X, verbose=0)
    one.fit(X, np.ones((12, 2)), epochs=2, verbose=0)
    assert not np.array_equal(before, two.predict(X, verbose=0)), "what one head taught the trunk"
    trunk.trainable = False
    kernel = trunk.kernel.numpy()
    two.fit(X, np.ones((12, 2)), epochs=2, verbose=0)
    np.testing.assert_array_equal(trunk.kernel.numpy(), kernel)
    assert [len(model.trainable_weights) for model in (one, two)] == [2, 2]


def test_feature_extractor_made_in_a_callback() -> None:
    seen: list[np.ndarray] = []
    model = Sequential([Input((6,)), layers.Dense(4, name="features"), layers.Dense(1)])
    model.compile("sgd", "mse")

    class Watch(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            extractor = Model(self.model.input, self.model.get_layer("features").output)
            seen.append(extractor.predict(X, verbose=0))

    early = Model(model.input, model.get_layer("features").output)
    model.fit(X, X[:, :1], epochs=3, verbose=0, callbacks=[Watch()])
    assert not np.array_equal(seen[0], seen[2]), "training is seen"
    np.testing.assert_array_equal(early.predict(X, verbose=0), seen[2])


@pytest.mark.parametrize(("batch", "size"), [(3, (6, 6)), (16, (4, 8)), (32, (4, 4))], ids=str)
def test_convolution_used_at_two_sizes(batch: int, size: tuple[int, int], isa: str) -> None:
    """Its uses may run different algorithms, each with its own packed copy; their gradients add up."""
    cnnfast.set_random_seed(0)  # with others the loss may explode, and rounding with it
    inputs = Input((*size, 32))
    shared = layers.Conv2D(32, 3, padding="same", activation="tanh", name="shared")
    value = shared(layers.AveragePooling2D(2)(shared(shared(inputs))))
    model = Model(inputs, layers.Dense(3)(layers.Flatten()(value)))
    assert len(model.get_weights()) == 4
    model.compile(cnnfast.optimizers.SGD(0.1, momentum=0.9), "mse")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(batch, *size, 32)).astype(np.float32)
    y = rng.normal(size=(batch, 3)).astype(np.float32)
    weights = [w.astype(np.float64) for w in model.get_weights()]
    speeds = [np.zeros_like(w) for w in weights]
    for _ in range(2):
        model.train_on_batch(x, y)
        grads = _grads(weights, x.astype(np.float64), y)
        for weight, speed, grad in zip(weights, speeds, grads, strict=True):
            speed *= 0.9
            speed -= 0.1 * grad
            weight += speed
        for got, weight in zip(model.get_weights(), weights, strict=True):
            np.testing.assert_allclose(got, weight, rtol=0, atol=2e-5 * np.abs(weight).max())


def _grads(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Of the mean squared error of the network above."""
    kernel, bias, head, head_bias = weights

    def step(value: np.ndarray) -> np.ndarray:
        return conv(value, kernel, bias=bias, padding="same")

    before = [step(x)]
    before.append(step(np.tanh(before[0])))
    pooled = average_pool(np.tanh(before[1]), 2)
    before.append(step(pooled))
    flat = np.tanh(before[2]).reshape(len(x), -1)
    out = dense(flat, head, head_bias)
    grad, *by_head = dense_grad(flat, head, 2 * (out - y) / out.size)
    grad = grad.reshape(before[2].shape)
    sums = [np.zeros_like(kernel), np.zeros_like(bias)]
    for value, reached in ((pooled, before[2]), (np.tanh(before[0]), before[1]), (x, before[0])):
        grad, *shares = conv_grad(value, kernel, activation_grad("tanh", reached, grad), padding="same")
        for total, share in zip(sums, shares, strict=True):
            total += share
        if value is pooled:
            grad = average_pool_grad(np.tanh(before[1]), grad, 2)
    return [*sums, *by_head]


def test_nested_models() -> None:
    encoder = Sequential([Input((6,)), layers.Dense(4, activation="tanh"), layers.Dense(3)], name="encoder")
    decoder = Sequential([layers.Dense(6)], name="decoder")  # takes its shape from where it is put
    whole = Sequential([encoder, decoder], name="whole")
    assert [layer.name for layer in whole.layers] == ["encoder", "decoder"]
    assert whole.output_shape == (None, 6)
    assert decoder.input_shape == (None, 3)
    assert whole.count_params() == 28 + 15 + 24
    whole.compile("adam", "mse")
    whole.fit(X, X, epochs=2, verbose=0)
    got = decoder.predict(encoder.predict(X, verbose=0), verbose=0)
    np.testing.assert_allclose(got, whole.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    encoder.trainable = False
    assert len(whole.trainable_weights) == 2
    lines: list[str] = []
    whole.summary(print_fn=lines.append)
    text = "\n".join(lines)
    for part in (
        "encoder (Sequential)",
        "decoder (Sequential)",
        "Total params: 67",
        "Non-trainable params: 43",
    ):
        assert part in text


def test_nested_models_in_files(tmp_path: Path) -> None:
    """Shared layers are shared again, however deep they are; training goes on bit for bit."""
    shared = layers.Dense(4, activation="tanh", name="shared")
    source = Input((4,))
    inner = Model(source, layers.Dense(4, name="inner_head")(shared(source)), name="inner")
    twice = Sequential([Input((4,)), inner, layers.Dropout(0.25)], name="twice")
    inputs = Input((4,))
    model = Model(inputs, layers.Dense(2)(shared(twice(inner(inputs)))))
    inner.get_layer("inner_head").trainable = False
    model.compile("adam", "mse")
    x, y = X[:, :4], X[:, :2]
    model.fit(x, y, epochs=2, batch_size=5, verbose=0)
    model.save(tmp_path / "model")
    again = cnnfast.models.load_model(tmp_path / "model.cnnfast")
    assert same_bits(model.get_weights(), again.get_weights())
    assert len(again.weights) == 6
    assert len(again.trainable_weights) == 4
    names = {layer.name: layer for layer in again.layers}
    assert names["inner"] is names["twice"].layers[0]
    assert names["inner"].get_layer("shared") is names["shared"]
    for each in (model, again):
        each.fit(x, y, epochs=4, initial_epoch=2, batch_size=5, verbose=0)
    assert same_bits(model.get_weights(), again.get_weights())


def test_a_model_that_is_a_layer_stays_as_it_is() -> None:
    inner = Sequential([Input((3,)), layers.Dense(3)], name="inner")
    outer = Sequential([inner], name="outer")
    for change in (lambda: inner.add(layers.Dense(2)), inner.pop):
        with pytest.raises(ValueError, match="'inner' is a layer of another model"):
            change()
    with pytest.raises(ValueError, match="'outer' cannot be a layer of itself"):
        outer.add(outer)
    del outer
    inner.add(layers.Dense(2))
    assert inner.output_shape == (None, 2)


def test_names_stay_unique() -> None:
    x = Input((3,))
    with pytest.raises(ValueError, match="two layers of the model are named 'one'"):
        Model(x, layers.Dense(3, name="one")(layers.Dense(3, name="one")(x)))
    model = Sequential([Input((3,)), layers.Dense(3, name="one")])
    with pytest.raises(ValueError, match="has a layer 'one' already"):
        model.add(layers.Dense(3, name="one"))
    model.pop()
    model.add(layers.Dense(2, name="one"))
    assert model.output_shape == (None, 2)


def test_weights_that_do_not_suit_a_second_place() -> None:
    layer = layers.Dense(3, name="d")
    layer(Input((4,)))
    with pytest.raises(ValueError, match=r"d: its kernel has shape \(4, 3\) from its first use.*\(5, 3\)"):
        layer(Input((5,)))
    assert layer.compute_output_shape((None, 5)) == (None, 3), "asking is no use"


def test_a_shape_that_fails_leaves_no_weights() -> None:
    model = Sequential([layers.Dense(4), layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="Conv2D"):
        model.build((None, 6))
    assert not model.built
    assert not model.layers[0].built
    head = Sequential([layers.Dense(2)])
    head.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="label"):
        head.fit(X, np.zeros(5), verbose=0)
    head.compile("sgd", "mse")
    head.fit(X[:, :3], np.zeros((12, 2)), verbose=0)
    assert head.get_weights()[0].shape == (3, 2)


def test_weights_are_made_once() -> None:
    """And drawn as before, whatever is asked first."""
    cnnfast.set_random_seed(5)
    one = layers.Dense(3)
    one.build((None, 4))
    kernel = one.kernel
    model = Sequential([Input((4,)), one])
    assert one.kernel is kernel
    cnnfast.set_random_seed(5)
    other = Sequential([Input((4,)), layers.Dense(3)])
    assert same_bits(model.get_weights(), other.get_weights())
    out = one(X[:, :4])
    np.testing.assert_array_equal(out, model.predict(X[:, :4], verbose=0))
    model.compile("sgd", "mse")
    model.fit(X[:, :4], X[:, :3], verbose=0)
    np.testing.assert_array_equal(one(X[:, :4]), model.predict(X[:, :4], verbose=0))


@pytest.mark.peers
@pytest.mark.sweep(range(100))
def test_random_programs_in_keras(case: int) -> None:
    keras = keras_on("tensorflow", "jax", "torch")  # on NumPy it trains nothing
    ours, theirs = observations(cnnfast, case), observations(keras, case)
    for got, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("batch", [5, 128])
def test_rules_hold_once_for_a_layer_used_twice(batch: int) -> None:
    """Penalty, clipping and constraint see one weight with one gradient, in micro-batches too."""
    x = Input((6, 6, 2))
    shared = layers.Conv2D(
        2, 3, padding="same", kernel_regularizer=cnnfast.regularizers.L2(0.1), kernel_constraint="non_neg"
    )
    model = Model(x, layers.Dense(1)(layers.Flatten()(shared(shared(x)))))
    model.compile(cnnfast.optimizers.SGD(0.05, global_clipnorm=0.5), "mse")
    rng = np.random.default_rng(2)
    samples = rng.normal(size=(batch, 6, 6, 2)).astype(np.float32)
    y = rng.normal(size=(batch, 1)).astype(np.float32)
    kernel, bias, head, head_bias = (w.astype(np.float64) for w in model.get_weights())
    if batch == 128:
        steps = {step["direction"] for step in model.network.plan(batch, "train")}
        assert steps >= {"sum of uses", "join of results"}, "cut into micro-batches"
    middle = conv(samples, kernel, bias=bias, padding="same")
    last = conv(middle, kernel, bias=bias, padding="same")
    flat = last.reshape(batch, -1)
    out = dense(flat, head, head_bias)
    loss = ((out - y) ** 2).mean() + 0.1 * (kernel**2).sum()
    grad, *by_head = dense_grad(flat, head, 2 * (out - y) / batch)
    grad, *second = conv_grad(middle, kernel, grad.reshape(last.shape), padding="same")
    first = conv_grad(samples.astype(np.float64), kernel, grad, padding="same")[1:]
    grads = [first[0] + second[0] + 0.2 * kernel, first[1] + second[1], *by_head]
    norm = np.sqrt(sum((g**2).sum() for g in grads))
    assert norm > 0.5, "clipped"
    assert model.train_on_batch(samples, y) == pytest.approx(loss, rel=1e-5)
    expected = [
        w - 0.05 * g * 0.5 / norm for w, g in zip((kernel, bias, head, head_bias), grads, strict=True)
    ]
    expected[0] = np.maximum(expected[0], 0)
    for got, weight in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(got, weight, rtol=0, atol=2e-6)


def test_a_layer_knows_its_output_while_others_hold_it() -> None:
    layer = layers.Dense(2, name="d")
    with pytest.raises(ValueError, match="'d' is in no graph"):
        _ = layer.output
    out = layer(Input((3,)))
    assert layer.output is out
    assert layer.input is out.sources[0]
    model = Model(out.sources[0], out)
    del out
    assert layer.output is model.output
    other = Model(source := Input((3,)), layer(source))
    assert layer.output is other.output, "the last one"
    del model, other
    with pytest.raises(ValueError, match="'d' is in no graph"):
        _ = layer.output
    start = layers.InputLayer((3,))
    assert start.output.shape == (None, 3)
    held = start.output
    assert start.output is held
