"""Layers that prepare features: normalization, bins, class numbers as vectors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, layers, models

Array = np.ndarray


def _x(*shape: int) -> Array:
    return np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)


def _saved(model: Any, x: Any, path: Path) -> None:
    """A model and its copy from a file make the same."""
    model.save(path / "model")
    np.testing.assert_array_equal(
        models.load_model(path / "model").predict(x, verbose=0), model.predict(x, verbose=0)
    )


# -- Normalization -----------------------------------------------------------------------------------------

AXES: list[tuple[Any, tuple[int, ...]]] = [
    (-1, (0, 1, 2)),
    (1, (0, 2, 3)),
    ((1, -1), (0, 2)),
    (None, (0, 1, 2, 3)),
    ([1, 2, 3], (0,)),
]


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(("axis", "reduced"), AXES)
def test_adapted(axis: Any, reduced: Any, invert: bool, isa: str, tmp_path: Path) -> None:
    data, x = _x(50, 4, 5, 3), _x(6, 4, 5, 3)
    layer = layers.Normalization(axis, invert=invert)
    layer.adapt(data)
    wide = data.astype(float)
    mean, deviation = wide.mean(reduced, keepdims=True), wide.std(reduced, keepdims=True)
    want = mean + x * deviation if invert else (x - mean) / deviation
    np.testing.assert_allclose(layer(x), want, rtol=1e-5, atol=1e-5)
    model = Model(source := Input((4, 5, 3)), layer(source))
    rates = _x(*x.shape)
    grad, _ = model.network.vjp(x, rates)
    np.testing.assert_allclose(grad, rates * deviation if invert else rates / deviation, rtol=1e-5)
    _saved(model, x, tmp_path)
    assert not layer.trainable_weights
    assert len(layer.non_trainable_weights) == 3


def test_adapted_to_batches_as_to_the_whole() -> None:
    data = _x(3000, 4)
    whole, parts, pairs = (layers.Normalization() for _ in range(3))
    whole.adapt(data)
    parts.adapt([data[:7], data[7:2000], data[2000:]])
    pairs.adapt((data[i : i + 100], None) for i in range(0, 3000, 100))
    wide = data.astype(float)
    for layer in (whole, parts, pairs):
        mean, variance, _ = layer.get_weights()
        np.testing.assert_allclose(mean, wide.mean(0), rtol=1e-6)
        np.testing.assert_allclose(variance, wide.var(0), rtol=1e-6)


def test_inputs_of_another_rank() -> None:
    """Statistics lie along the last axes, as when the layer was built."""
    data = _x(9, 4, 3)
    layer = layers.Normalization()
    layer.adapt(data)
    np.testing.assert_allclose(layer(data[:, 0]), layer(data)[:, 0], rtol=1e-6)


def test_adapting_again_reaches_models() -> None:
    layer = layers.Normalization(input_shape=(1,), axis=None)
    model = Sequential([layer])
    for data in (_x(100), 5 * _x(100)):
        layer.adapt(data)
        want = (data - data.mean()) / data.std()
        np.testing.assert_allclose(model.predict(data[:, None], verbose=0)[:, 0], want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("axis", "mean", "variance"),
    [
        (-1, 3.0, 2.0),
        (-1, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
        (None, 2.0, 9.0),
        ((1, 2), [1.0, 2.0], [3.0, 4.0]),
    ],
)
def test_given(axis: Any, mean: Any, variance: Any, tmp_path: Path) -> None:
    x = _x(5, 3 if axis == -1 else 4, 2 if axis != -1 else 3)
    layer = layers.Normalization(axis, mean, variance)
    model = Sequential([Input(x.shape[1:]), layer])
    want = (x - np.array(mean)) / np.sqrt(np.array(variance))
    np.testing.assert_allclose(model.predict(x, verbose=0), want, rtol=1e-5, atol=1e-6)
    assert layer.weights == []
    _saved(model, x, tmp_path)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    with pytest.raises(ValueError, match="was given mean and variance"):
        layer.adapt(x)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: layers.Normalization(mean=1.0), "mean and variance of one shape, or neither"),
        (lambda: layers.Normalization(mean=[1.0], variance=[1.0, 2.0]), "mean and variance of one shape"),
        (lambda: layers.Normalization(mean=[[1.0]], variance=[[1.0]]), "an axis for each of axis"),
        (lambda: layers.Normalization(0).adapt(_x(4, 3)), "axis must be different ones of 1 to 1"),
        (lambda: layers.Normalization().adapt([]), "cannot be adapted to no data"),
        (lambda: layers.Normalization().adapt([_x(4, 3), _x(4, 2)]), r"has \(3,\) means along axis"),
    ],
)
def test_normalization_refuses(act: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


def test_rescaling_by_channel(image_data_format: Any, tmp_path: Path) -> None:
    x = _x(2, 4, 5, 3)
    scale, offset = [0.5, 1.0, 2.0], np.array([0.0, -1.0, 1.0])
    layer = layers.Rescaling(scale, offset)
    want = x * np.array(scale) + offset
    np.testing.assert_allclose(layer(x), want, rtol=1e-6)
    _saved(Sequential([Input((4, 5, 3)), layer]), x, tmp_path)
    image_data_format("channels_first")
    first = layers.Rescaling(scale, offset)(np.moveaxis(x, -1, 1))
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), want, rtol=1e-6)
    with pytest.raises(ValueError, match="scale must be a number, got 'x'"):
        layers.Rescaling([1.0, "x"])


# -- bins and class numbers --------------------------------------------------------------------------------


def _vectors(numbers: Array, mode: str, depth: int) -> Array:
    each = (numbers[..., None] == np.arange(depth)).astype(float)
    if mode == "one_hot":
        return each
    return each.max(-2) if mode == "multi_hot" else each.sum(-2)


@pytest.mark.parametrize("mode", ["multi_hot", "one_hot", "count"])
@pytest.mark.parametrize("shape", [(5, 4), (5, 2, 3)])
def test_class_numbers(mode: str, shape: tuple[int, ...], isa: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 7, shape)
    layer = layers.CategoryEncoding(6, mode)
    want = _vectors(x, mode, 6)
    np.testing.assert_array_equal(layer(x), want)
    model = Model(source := Input(shape[1:]), layer(source))
    assert model.output_shape == (None, *want.shape[1:])
    _saved(model, x, tmp_path)


def test_one_class_number_and_weights() -> None:
    x = np.array([[2], [0]])
    np.testing.assert_array_equal(layers.CategoryEncoding(3, "one_hot")(x), [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(layers.CategoryEncoding(3)(x), [[0, 0, 1], [1, 0, 0]])
    layer = layers.CategoryEncoding(4, output_mode="count")
    counted = layer(np.array([[0, 1], [0, 0], [1, 2], [3, 1]]), count_weights=np.array([[0.1, 0.2]] * 4))
    want = [[0.1, 0.2, 0, 0], [0.3, 0, 0, 0], [0, 0.1, 0.2, 0], [0, 0.2, 0, 0.1]]
    np.testing.assert_allclose(counted, want, rtol=1e-6)


@pytest.mark.parametrize("mode", ["int", "multi_hot", "one_hot", "count"])
def test_bins(mode: str, isa: str, tmp_path: Path) -> None:
    x = np.array([[-1.0, 0.0, 0.5], [2.0, 3.5, -0.0]])
    layer = layers.Discretization([0.0, 1.0, 2.0], output_mode=mode)
    numbers = np.digitize(x, [0.0, 1.0, 2.0])
    want = numbers if mode == "int" else _vectors(numbers, mode, 4)
    np.testing.assert_array_equal(layer(x), want)
    _saved(Model(source := Input((3,)), layer(source)), x, tmp_path)


def test_bins_are_found(tmp_path: Path) -> None:
    data = np.random.default_rng(1).exponential(size=4000)
    layer = layers.Discretization(num_bins=8, epsilon=0.001)
    with pytest.raises(ValueError, match="knows no boundaries yet"):
        layer(data)
    layer.adapt(np.split(data, 4))
    counts = np.bincount(layer(data).astype(int).ravel(), minlength=8)
    np.testing.assert_allclose(counts, 500, atol=12)
    layer.adapt(data[:, None])
    assert layer.bin_boundaries is not None
    np.testing.assert_allclose(layer.bin_boundaries, np.quantile(data, np.arange(1, 8) / 8), atol=0.02)
    model = Sequential([Input((1,)), layer, layers.Dense(1)])
    _saved(model, data[:, None], tmp_path)
    with pytest.raises(ValueError, match="part of a model; adapt it before"):
        layer.adapt(data)


def test_bins_of_few_numbers() -> None:
    """The boundaries that Keras 3.15 finds."""
    x = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])
    layer = layers.Discretization(num_bins=4, epsilon=0.01)
    layer.adapt(x)
    np.testing.assert_allclose(layer.bin_boundaries, [0.0, 0.5, 1.3])
    np.testing.assert_array_equal(layer(x), np.digitize(x, layer.bin_boundaries))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: layers.CategoryEncoding(), "num_tokens must be a whole number"),
        (lambda: layers.CategoryEncoding(3, "both"), "output_mode must be one of"),
        (lambda: layers.CategoryEncoding(3)(np.ones((2, 2)), np.ones((2, 2))), "count_weights are for"),
        (lambda: layers.CategoryEncoding(3)(Input(())), "several numbers a sample, got one"),
        (lambda: layers.Discretization(), "either bin_boundaries or num_bins"),
        (lambda: layers.Discretization([1.0], 3), "either bin_boundaries or num_bins"),
        (lambda: layers.Discretization([1.0, 0.0]), "rising order"),
        (lambda: layers.Discretization([1.0]).adapt(_x(4)), "has boundaries of its own"),
    ],
)
def test_refusals(act: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


def test_numbers_without_a_batch_are_one_sample() -> None:
    np.testing.assert_array_equal(layers.CategoryEncoding(4, "count")([1, 2, 3, 1]), [0, 2, 1, 1])
    np.testing.assert_array_equal(layers.CategoryEncoding(4)(np.array([1, 3])), [0, 1, 0, 1])


def test_shapes_before_adapt() -> None:
    for mode, shape in (("int", (None, 5)), ("one_hot", (None, 5, 3)), ("count", (None, 3))):
        assert layers.Discretization(num_bins=3, output_mode=mode).compute_output_shape((None, 5)) == shape


def test_statistics_broadcast_over_batches() -> None:
    x = _x(6, 4, 5, 3)
    layer = layers.Normalization(axis=2)
    assert layer.mean is None
    layer.adapt(x)
    np.testing.assert_allclose(layer.mean, x.mean((0, 1, 3), keepdims=True), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.variance, x.var((0, 1, 3), keepdims=True), rtol=1e-5, atol=1e-6)
    given = layers.Normalization(axis=(1, 2), mean=np.arange(5.0), variance=np.ones(5))
    given.build((None, 7, 5, 3))
    np.testing.assert_array_equal(given.mean, np.tile(np.arange(5.0)[:, None], (1, 7, 1, 1)))
    with pytest.raises(TypeError, match="array of samples, or batches"):
        layers.Normalization().adapt(iter([42]))
    with pytest.raises(ValueError, match=r"sizes of axis=\(1,\) must be known"):
        layers.Normalization(axis=1).build((None, None))
