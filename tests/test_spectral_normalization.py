"""Kernels divided by their spectral norm: values, gradients, the vector that lives on, files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, layers, models

Array = np.ndarray


def _iterated(kernel: Array, u: Array, times: int) -> tuple[Array, Array, float]:
    weights = kernel.reshape(-1, kernel.shape[-1])
    for _ in range(times):
        v = u @ weights.T
        v /= np.linalg.norm(v)
        u = v @ weights
        u /= np.linalg.norm(u)
    return u, v, float((v @ weights @ u.T).item())


@pytest.mark.parametrize("times", [1, 3])
def test_training_step(times: int, isa: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 6)).astype(np.float32), rng.normal(size=(16, 5)).astype(np.float32)
    layer = layers.SpectralNormalization(layers.Dense(5), power_iterations=times)
    model = Sequential([Input((6,)), layer])
    kernel, bias, u = (w.astype(float) for w in _sorted(layer))
    model.compile("sgd", "mse")
    model.optimizer.learning_rate = 1.0
    new_u, v, sigma = _iterated(kernel, u, times)
    out = x @ kernel / sigma + bias
    np.testing.assert_allclose(model.predict(x, verbose=0), out, rtol=1e-4, atol=1e-5)
    loss = model.train_on_batch(x, y)
    np.testing.assert_allclose(loss, ((out - y) ** 2).mean(), rtol=1e-5)
    product = x.T.astype(float) @ (2 * (out - y) / y.size)
    grad = product / sigma - (product * kernel).sum() / sigma**2 * np.outer(v, new_u)
    after = _sorted(layer)
    np.testing.assert_allclose(after[0], kernel - grad, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(after[2], new_u, rtol=1e-5, atol=1e-6)


def _sorted(layer: Any) -> list[Array]:
    """Kernel, bias, u."""
    return [weight.numpy() for weight in (layer.layer.kernel, layer.layer.bias, layer.vector_u)]


INNER: list[tuple[Any, tuple[int, ...]]] = [
    (lambda: layers.Conv2D(4, 3, padding="same", activation="relu"), (6, 5, 3)),
    (lambda: layers.Conv2DTranspose(4, 3, strides=2), (6, 5, 3)),
    (lambda: layers.Conv1D(6, 3, groups=3), (6, 3)),
    (lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), (6, 5, 3)),
]


@pytest.mark.parametrize(("make", "shape"), INNER)
def test_it_is_the_layer_with_a_smaller_kernel(make: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)
    layer = layers.SpectralNormalization(make(), 4)
    model = Sequential([Input(shape), layer])
    inner = make()
    inner.build((None, *shape))
    kernel, bias = (w.numpy().astype(float) for w in (layer.layer.kernel, layer.layer.bias))
    _, _, sigma = _iterated(kernel, layer.vector_u.numpy().astype(float), 4)
    inner.set_weights([kernel / sigma, bias])
    np.testing.assert_allclose(model.predict(x, verbose=0), inner(x), rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model")
    same = models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(same.predict(x, verbose=0), model.predict(x, verbose=0))
    assert len(layer.trainable_weights) == 2
    assert layer.non_trainable_weights == [layer.vector_u]


def test_embeddings() -> None:
    layer = layers.SpectralNormalization(layers.Embedding(10, 4), 20)
    source = Input((3,))
    model = Model(source, layer(source))
    table = layer.layer.embeddings.numpy().astype(float)
    sigma = np.linalg.svd(table)[1][0]
    x = np.array([[0, 3, 9]])
    np.testing.assert_allclose(model.predict(x, verbose=0), table[x] / sigma, rtol=1e-2)


def test_a_kernel_of_zeros_stays() -> None:
    layer = layers.SpectralNormalization(layers.Dense(2, kernel_initializer="zeros"))
    model = Sequential([Input((3,)), layer])
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(np.ones((4, 3)), np.ones((4, 2))))
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_refusals() -> None:
    with pytest.raises(ValueError, match="power_iterations must be at least 1"):
        layers.SpectralNormalization(layers.Dense(2), power_iterations=0)
    with pytest.raises(ValueError, match="ReLU has no kernel and no embeddings"):
        layers.SpectralNormalization(layers.ReLU())(np.ones((4, 2)))
    with pytest.raises(ValueError, match="SpectralNormalization takes a layer"):
        layers.SpectralNormalization("dense")  # type: ignore[arg-type]
