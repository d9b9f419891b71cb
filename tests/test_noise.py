"""Layers that disturb values in training: their statistics, seeds, and what they leave alone."""

from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, layers, set_random_seed
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
    return network.predict([x])[0], grads[0]


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


def test_refusals() -> None:
    with pytest.raises(ValueError, match="rate"):
        layers.GaussianDropout(1.0)
    with pytest.raises(ValueError, match="seed"):
        layers.GaussianNoise(0.1, seed=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="spatial axes"):
        _trained(layers.SpatialDropout2D(0.1), np.ones((2, 4, 3), np.float32))
