"""What only the direct convolution in lanes of channels does: panels, gathered pixels, sums in place."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from reference.conv import conv
from support.conv_cases import ConvCase, check_values

import cnnfast
from cnnfast.layers import Conv2D

# Sums of two panels and more, of whole and of broken blocks; pixels that a stride skips.
CASES = {
    "panels": ConvCase(1, (9, 10), 100, 48, 1, (3, 3), (1, 1), (1, 1), "same", "channels_last"),
    "panels of 1x1": ConvCase(1, (5, 7), 600, 17, 1, (1, 1), (1, 1), (1, 1), "valid", "channels_last"),
    "strided": ConvCase(1, (9, 10), 48, 160, 1, (3, 3), (2, 2), (1, 1), "same", "channels_last"),
    "strided to a broken block": ConvCase(
        1, (8, 7), 96, 90, 1, (3, 3), (2, 3), (1, 1), "same", "channels_last"
    ),
    "skips": ConvCase(1, (7, 8), 32, 48, 1, (1, 1), (2, 2), (1, 1), "valid", "channels_last"),
    "skips, groups": ConvCase(1, (7, 9), 64, 32, 2, (1, 1), (1, 3), (1, 1), "same", "channels_last"),
    "skips, volume": ConvCase(
        1, (3, 5, 4), 32, 16, 1, (1, 1, 1), (2, 2, 1), (1, 1, 1), "valid", "channels_last"
    ),
    "volume": ConvCase(1, (4, 3, 5), 48, 32, 1, (3, 2, 3), (2, 1, 2), (1, 1, 1), "same", "channels_last"),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_gradients_and_plain_sources(name: str, transposed: bool, batch: int, isa: str) -> None:
    case = replace(CASES[name], batch=batch, transposed=transposed)
    check_values(case, case.network("blocked"), "blocked")


@pytest.mark.parametrize("oc", [48, 40])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3)])
def test_few_pixels_of_many_samples(kernel: tuple[int, int], oc: int, isa: str) -> None:
    """Gradients of the weights take several samples at a time, forty of these."""
    case = ConvCase(130, (2, 3), 64, oc, 1, kernel, (1, 1), (1, 1), "same", "channels_last")
    check_values(case, case.network("blocked"), "blocked")


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if len(case.image) == 2])
def test_forward_behind_another(name: str, activation: str, isa: str) -> None:
    """Of a source in blocks, not in the user's order."""
    case = CASES[name]
    geometry: dict[str, Any] = {"strides": case.strides, "padding": case.padding, "groups": case.groups}
    first = Conv2D(case.ic, 1, use_bias=False, name="first")
    second = Conv2D(case.oc, case.kernel, **geometry, activation=activation, name="second")
    model = cnnfast.Sequential([cnnfast.Input((*case.image, 16)), first, second])
    model.network.force_algorithm("conv2d", "blocked")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, *case.image, 16)).astype(np.float32)
    mix = (rng.normal(size=(1, 1, 16, case.ic)) / 4).astype(np.float32)
    _, kernel, bias, _ = case.arrays
    kernel = kernel / np.float32(np.sqrt(kernel[..., 0].size))
    first.set_weights([mix])
    second.set_weights([kernel, bias])
    source = conv(np.float64(x), np.float64(mix))
    sums = conv(source, np.float64(kernel), **geometry) + bias
    expected = {"linear": sums, "relu": np.maximum(sums, 0), "tanh": np.tanh(sums)}[activation]
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-4, atol=2e-5)


# More than 2^19 packed floats, which are stored past the caches; whole and broken blocks.
LARGE = ConvCase(2, (2, 3), 650, 810, 1, (1, 1), (1, 1), (1, 1), "valid", "channels_last")


@pytest.mark.parametrize("transposed", [False, True])
def test_many_weights(transposed: bool, isa: str) -> None:
    case = replace(LARGE, transposed=transposed)
    check_values(case, case.network("blocked"), "blocked")


def test_many_weights_are_packed_anew_after_each_step(isa: str) -> None:
    """Forward and for the gradient of what they read: three steps of gradient descent in float64."""
    first, second = Conv2D(LARGE.ic, 1, use_bias=False), Conv2D(LARGE.oc, 1, use_bias=False)
    model = cnnfast.Sequential([cnnfast.Input((*LARGE.image, 16)), first, second])
    model.network.force_algorithm("conv2d", "blocked")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(LARGE.batch, *LARGE.image, 16)).astype(np.float32)
    y = rng.normal(size=(LARGE.batch, *LARGE.image, LARGE.oc)).astype(np.float32)
    kernels = [(rng.normal(size=(1, 1, 16, LARGE.ic)) / 4).astype(np.float32), LARGE.arrays[1][0, 0] / 25]
    kernels[1] = kernels[1].reshape(1, 1, LARGE.ic, LARGE.oc)
    for layer, kernel in zip((first, second), kernels, strict=True):
        layer.set_weights([kernel])
    rate = 1.0
    model.compile(cnnfast.optimizers.SGD(rate), "mean_squared_error")
    rows, wanted = np.float64(x).reshape(-1, 16), np.float64(y).reshape(-1, LARGE.oc)
    a, b = (kernel[0, 0].astype(np.float64) for kernel in kernels)
    losses = []
    for _ in range(3):
        gradient = 2 * (rows @ a @ b - wanted) / wanted.size
        losses.append(np.mean((rows @ a @ b - wanted) ** 2))
        np.testing.assert_allclose(model.train_on_batch(x, y), losses[-1], rtol=1e-5)
        a, b = a - rate * rows.T @ (gradient @ b.T), b - rate * (rows @ a).T @ gradient
    for layer, kernel in zip((first, second), (a, b), strict=True):
        np.testing.assert_allclose(layer.get_weights()[0][0, 0], kernel, rtol=1e-4, atol=2e-6)
    assert losses[2] < 0.9 * losses[0]  # so that old weights would have been told from new ones
