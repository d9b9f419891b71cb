"""Layers that disturb values in training: their statistics, seeds, and what they leave alone."""

from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, initializers, layers, set_random_seed
from cnnfast._core import Workspace
from cnnfast.layers.tracing import Tracing
from cnnfast.tuning import new_network

RATE = 0.3
SHAPES = {"1d": (32, 9, 24), "3d": (16, 4, 5, 6, 24), "2d first": (32, 24, 12, 10)}
LAYERS: dict[str, Any] = {
    "noise": lambda: layers.GaussianNoise(0.5),
    "gaussian": lambda: layers.GaussianDropout(RATE),
    "alpha": lambda: layers.AlphaDropout(RATE),
    "1d": lambda: layers.SpatialDropout1D(RATE),
    "2d": lambda: layers.SpatialDropout2D(RATE),
    "2d first": lambda: layers.SpatialDropout2D(RATE, data_format="channels_first"),
    "3d": lambda: layers.SpatialDropout3D(RATE),
}
SPATIAL = [name for name in LAYERS if "d" in name and name[0].isdigit()]


def _numbers(name: str) -> np.ndarray:
    return np.random.default_rng(1).normal(size=SHAPES.get(name, (32, 12, 10, 24))).astype(np.float32)


def _trained(layer: Any, x: np.ndarray, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """What a training step makes of x, and the gradient of its sum."""
    graph = Tracing(training=True)
    with graph.within():
        made = layer(graph.value(graph.input(x.shape[1:], "x")))
    network = new_network(graph, [made.number], Workspace())
    network.seed = seed
    grads, _ = network.vjp([x], [np.ones(x.shape, np.float32)])
    network.predictions = 0  # draw the same again
    return network.predict([x])[0], grads[0]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Dropout(1.0), (4, 7)),
        (layers.Dropout(1, seed=3), (4, 7)),
        (layers.SpatialDropout1D(1.0), (4, 5, 7)),
        (layers.SpatialDropout2D(1.0, data_format="channels_first"), (4, 7, 3, 2)),
        (layers.SpatialDropout3D(1.0), (2, 3, 2, 3, 7)),
    ],
    ids=str,
)
def test_all_may_go(layer: Any, shape: tuple[int, ...]) -> None:
    x = np.ones(shape, np.float32)
    for made in (layer(x, training=True), *_trained(layer, x)):
        np.testing.assert_array_equal(made, np.zeros(shape))
    np.testing.assert_array_equal(layer(x), x)


@pytest.mark.parametrize("layer", [layers.Dropout, layers.SpatialDropout2D])
def test_more_than_all(layer: Any) -> None:
    with pytest.raises(ValueError, match=r"rate must be at least 0 and at most 1, got 1\.5"):
        layer(1.5)


@pytest.mark.parametrize("name", LAYERS)
def test_only_in_training(name: str) -> None:
    layer, x = LAYERS[name](), _numbers(name)
    np.testing.assert_array_equal(layer(x), x)
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("name", LAYERS)
def test_seed_threads_and_batches(name: str, threads: Any, isa: str) -> None:
    x = _numbers(name)
    found = []
    for count in (1, 3):
        threads(count)
        found.append(_trained(LAYERS[name](), x)[0])
    np.testing.assert_array_equal(*found)
    assert not np.array_equal(found[0], _trained(LAYERS[name](), x, seed=2)[0])
    part = _trained(LAYERS[name](), x[:5])[0]  # a number's place decides, not the batch
    np.testing.assert_array_equal(part, found[0][:5])


def _moments(noise: np.ndarray, mean: float, deviation: float) -> None:
    """Within five standard errors."""
    count = noise.size
    assert abs(noise.mean() - mean) < 5 * deviation / np.sqrt(count)
    assert abs(noise.std() - deviation) < 5 * deviation / np.sqrt(count)


def test_normal_noise() -> None:
    x = _numbers("noise")
    out, grad = _trained(LAYERS["noise"](), x)
    noise = (out - x).astype(float)
    _moments(noise, 0, 0.5)
    assert abs((noise**4).mean() / 0.5**4 - 3) < 0.1  # the shape is normal's
    neighbours = np.corrcoef(noise[..., 1:].ravel(), noise[..., :-1].ravel())[0, 1]
    assert abs(neighbours) < 0.02
    np.testing.assert_array_equal(grad, np.ones_like(x))


def test_multiplied_noise() -> None:
    x = _numbers("gaussian")
    out, factors = _trained(LAYERS["gaussian"](), x)
    _moments(factors.astype(float), 1, np.sqrt(RATE / (1 - RATE)))
    np.testing.assert_allclose(out, x * factors, rtol=1e-5, atol=1e-6)


def test_alpha() -> None:
    x = _numbers("alpha")
    out, grad = _trained(LAYERS["alpha"](), x)
    limit = -1.7580993408473766
    scale = ((1 - RATE) * (1 + RATE * limit**2)) ** -0.5
    kept = grad > 0
    assert abs(kept.mean() - (1 - RATE)) < 5 * 0.5 / np.sqrt(x.size)
    np.testing.assert_allclose(grad, np.where(kept, scale, 0), rtol=1e-6)
    want = scale * np.where(kept, x.astype(float), limit) - scale * limit * RATE
    np.testing.assert_allclose(out, want, rtol=1e-5, atol=1e-6)
    _moments(out.astype(float), 0, 1)  # as its input's


@pytest.mark.parametrize("name", SPATIAL)
def test_whole_channels(name: str) -> None:
    x = _numbers(name)
    out, factors = _trained(LAYERS[name](), x)
    np.testing.assert_array_equal(out, x * factors)
    first = name.endswith("first")
    axes = tuple(range(2, x.ndim)) if first else tuple(range(1, x.ndim - 1))
    channels = factors.max(axes)
    np.testing.assert_array_equal(channels, factors.min(axes))
    assert set(np.unique(channels)) == {np.float32(0), np.float32(1 / (1 - np.float32(RATE)))}
    assert abs((channels > 0).mean() - (1 - RATE)) < 5 * 0.5 / np.sqrt(channels.size)


def test_behind_a_convolution_and_merged_with_others() -> None:
    """In lanes, and where two noises become one formula: each has numbers of its own."""
    set_random_seed(3)
    model = Sequential([Input((8, 8, 3)), layers.Conv2D(20, 3), layers.GaussianNoise(0.1)])
    for layer in (layers.GaussianNoise(0.1), layers.SpatialDropout2D(0.2), layers.GlobalAveragePooling2D()):
        model.add(layer)
    model.add(layers.Dense(2))
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 8, 8, 3)).astype(np.float32)
    y = x[:, 0, 0, :2]
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    source = Input((2000,))
    twice = layers.GaussianNoise(1.0)(layers.GaussianNoise(1.0)(source))
    graph = Tracing(training=True)
    with graph.within():
        value = graph.value(graph.input((2000,), "x"))
        made = layers.GaussianNoise(1.0)(layers.GaussianNoise(1.0)(value))
    network = new_network(graph, [made.number], Workspace())
    _moments(network.predict([np.zeros((20, 2000), np.float32)])[0].astype(float), 0, np.sqrt(2))
    assert Model(source, twice).predict(np.zeros((1, 2000)), verbose=0).any() == 0


SEEDED: dict[str, Any] = {
    "noise": lambda **seed: layers.GaussianNoise(0.5, **seed),
    "gaussian": lambda **seed: layers.GaussianDropout(RATE, **seed),
    "alpha": lambda **seed: layers.AlphaDropout(RATE, **seed),
    "1d": lambda **seed: layers.SpatialDropout1D(RATE, **seed),
    "2d": lambda **seed: layers.SpatialDropout2D(RATE, **seed),
    "3d": lambda **seed: layers.SpatialDropout3D(RATE, **seed),
    "dropout": lambda **seed: layers.Dropout(RATE, **seed),
}


@pytest.mark.parametrize("name", SEEDED)
def test_own_seed(name: str, isa: str) -> None:
    """Neither the model's seed nor layers before it count; steps and the layer's seed do."""
    x, make = _numbers(name), SEEDED[name]
    out = _trained(make(seed=7), x)[0]
    np.testing.assert_array_equal(out, _trained(make(seed=7), x, seed=2)[0])
    assert not np.array_equal(out, _trained(make(seed=8), x)[0])
    assert not np.array_equal(out, _trained(make(), x)[0])
    second = Sequential([layers.GaussianNoise(0.0), make(seed=7)])
    np.testing.assert_array_equal(out, _trained(second, x)[0])
    layer = make(seed=7)
    np.testing.assert_array_equal(out, _trained(type(layer).from_config(layer.get_config()), x)[0])
    np.testing.assert_array_equal(make(seed=7)(x), x)


def test_training_by_seeds_alone() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 8, 8, 3)), rng.normal(size=(32, 2))
    found = []
    for seed in (1, 2):
        set_random_seed(seed)
        begins = [initializers.HeNormal(seed=place) for place in range(2)]
        model = Sequential([Input((8, 8, 3)), layers.Conv2D(20, 3, kernel_initializer=begins[0])])
        model.add(layers.Dropout(0.5, seed=3))
        model.add(layers.GaussianNoise(0.1, seed=4))
        model.add(layers.Flatten())
        model.add(layers.Dense(2, kernel_initializer=begins[1]))
        model.compile("sgd", "mse")
        found.append(model.fit(x, y, epochs=4, batch_size=8, shuffle=False, verbose=0).history["loss"])
    assert found[0] == found[1]


NOISE_SHAPES = [(None, 1, 1, None), (1, None, None, None), (32, 12, 1, 24), [1, 1, 10, 1], (None, 1, 1, 1)]


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("shape", NOISE_SHAPES)
def test_noise_shape(shape: Any, seed: int | None, threads: Any, isa: str) -> None:
    x = _numbers("dropout")
    layer = layers.Dropout(RATE, noise_shape=shape, seed=seed)
    np.testing.assert_array_equal(layer(x), x)
    threads(1)
    out, factors = _trained(layer, x)
    threads(3)
    np.testing.assert_array_equal(out, _trained(layer, x)[0])
    np.testing.assert_array_equal(out, x * factors)
    alike = tuple(axis for axis, size in enumerate(shape) if size == 1)
    own = factors.max(alike)
    np.testing.assert_array_equal(own, factors.min(alike))
    assert set(np.unique(own)) <= {np.float32(0), np.float32(1 / (1 - np.float32(RATE)))}
    assert abs((own > 0).mean() - (1 - RATE)) < 5 * 0.5 / np.sqrt(own.size)
    same = layers.Dropout.from_config(layer.get_config())
    np.testing.assert_array_equal(out, _trained(same, x)[0])
    limited = _trained(layers.AlphaDropout(RATE, shape, seed), x)[1] > 0
    np.testing.assert_array_equal(limited.max(alike), limited.min(alike))


@pytest.mark.parametrize("seed", [None, 7])
def test_dropout_of_arrays(seed: int | None) -> None:
    """Told that it trains, it does, and draws anew in each call; the same from the same seed."""
    x, layer = _numbers("dropout"), layers.Dropout(RATE, seed=seed)
    set_random_seed(1)
    first, second = layer(x, training=True), layer(x, training=True)
    assert abs((first != 0).mean() - (1 - RATE)) < 0.02
    np.testing.assert_allclose(first[first != 0], x[first != 0] / (1 - RATE), rtol=1e-6)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(layer(x), x)
    assert not np.array_equal(second, layer(x[:, 1:], training=True)[:, :1])  # nor again for another shape
    set_random_seed(1)
    same = layers.Dropout(RATE, seed=seed)
    np.testing.assert_array_equal(same(x, training=True), first)


def _monte_carlo(layer: Any, x: np.ndarray, seed: int = 3) -> Model:
    set_random_seed(seed)
    source = Input(x.shape[1:])
    model = Model(source, layer(source, training=True))
    model.compile("sgd", lambda y_true, y_pred: y_pred)
    return model


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("name", SEEDED)
def test_predictions_that_draw(name: str, seed: int | None, isa: str) -> None:
    """Told to train in a model, a layer disturbs predictions and evaluations too: each otherwise."""
    x = _numbers(name)
    model = _monte_carlo(SEEDED[name](seed=seed), x)
    made = [model.predict(x, verbose=0) for _ in range(2)]
    assert not np.array_equal(*made)
    losses = [model.evaluate(x, x, verbose=0) for _ in range(2)]
    assert losses[0] != losses[1]
    same = _monte_carlo(SEEDED[name](seed=seed), x)
    for each in made:
        np.testing.assert_array_equal(same.predict(x, verbose=0), each)
    assert [same.evaluate(x, x, verbose=0) for _ in range(2)] == losses
    other = Model.from_config(model.get_config()).predict(x, verbose=0)
    assert not np.array_equal(other, x)


def test_the_mean_of_many_predictions() -> None:
    """Monte Carlo dropout: mean and deviation of predictions are those of the mask."""
    x = np.ones((4, 50), np.float32)
    model = _monte_carlo(layers.Dropout(RATE), x)
    made = np.array([model.predict(x, verbose=0) for _ in range(400)]).astype(float)
    deviation = np.sqrt(RATE / (1 - RATE))
    assert np.abs(made.mean(0) - 1).max() < 5 * deviation / np.sqrt(400)
    np.testing.assert_allclose(made.std(0), deviation, rtol=0.15)
    assert len(np.unique(made.reshape(400, -1), axis=0)) == 400
    neighbours = np.corrcoef(made[1:].ravel(), made[:-1].ravel())[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(made.size)


def test_predictions_in_between_leave_training_as_it_is() -> None:
    """They count by themselves, and none draws what a step does."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 8)).astype(np.float32), rng.normal(size=(32, 2)).astype(np.float32)
    found = []
    for predictions in (0, 3):
        set_random_seed(5)
        source = Input((8,))
        hidden = layers.Dropout(0.5)(layers.Dense(16)(source), training=True)
        model = Model(source, layers.Dense(2)(layers.Dropout(0.5)(hidden)))
        model.compile("sgd", "mse")
        losses = []
        for _ in range(4):
            losses.append(model.train_on_batch(x, y))
            for _ in range(predictions):
                model.predict(x, verbose=0)
        found.append(losses)
    assert found[0] == found[1]
    ones = np.ones((64, 500), np.float32)
    model = _monte_carlo(layers.Dropout(0.5), ones)
    network = model.network
    step = network.vjp(ones, ones, training=True)[0]
    assert all(abs((network.predict(ones) == step).mean() - 0.5) < 0.02 for _ in range(5))
    network.predictions = 2
    third = network.predict(ones)
    assert network.predictions == 3
    network.predictions = 2
    np.testing.assert_array_equal(network.predict(ones), third)
    with pytest.raises(ValueError, match="predictions must not be negative"):
        network.predictions = -1


def test_gradients_of_what_draws() -> None:
    """Those of dropout are its mask, another one in each call."""
    x = np.ones((4, 50), np.float32)
    model = _monte_carlo(layers.Dropout(0.5), x)
    first, second = model.gradients(x), model.gradients(x)
    assert set(np.unique(first)) == {0.0, 2.0}
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("shape", ["a", 3, (0, 1), (None, -1), (1.5, 1)])
def test_shapes_of_noise_are_checked(shape: Any) -> None:
    for kind in (layers.Dropout, layers.AlphaDropout):
        with pytest.raises(ValueError, match="noise_shape"):
            kind(0.1, noise_shape=shape)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="rate"):
        layers.GaussianDropout(1.0)
    with pytest.raises(ValueError, match="seed must be at least 0, got -3"):
        layers.GaussianNoise(0.1, seed=-3)
    for shape in ((None, 1), (None, 2, 3), (None, 1, 1, 1)):
        with pytest.raises(ValueError, match="noise_shape must have 1, None or the size for each axis"):
            _trained(layers.Dropout(0.1, noise_shape=shape), np.ones((2, 4, 3), np.float32))
    with pytest.raises(ValueError, match="spatial axes"):
        _trained(layers.SpatialDropout2D(0.1), np.ones((2, 4, 3), np.float32))
