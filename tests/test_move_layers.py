"""Layers that move values: what they make of arrays in both formats, and that models with them train."""

from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, layers, models

FORMATS = ["channels_last", "channels_first"]


def _given(x: np.ndarray, data_format: str) -> np.ndarray:
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def _x(*sizes: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, *sizes)).astype(np.float32)


SIDES: dict[int, tuple[Any, list[tuple[int, int]]]] = {
    1: ((1, 2), [(1, 2)]),
    2: (((1, 2), (0, 1)), [(1, 2), (0, 1)]),
    3: ((1, (0, 1), (2, 0)), [(1, 1), (0, 1), (2, 0)]),
}


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_borders(rank: int, data_format: Any) -> None:
    argument, sides = SIDES[rank]
    x = _x(*(5, 6, 7)[:rank], 3)
    padded = getattr(layers, f"ZeroPadding{rank}D")(argument, data_format=data_format)
    expected = np.pad(x, [(0, 0), *sides, (0, 0)])
    np.testing.assert_array_equal(padded(_given(x, data_format)), _given(expected, data_format))
    cropped = getattr(layers, f"Cropping{rank}D")(argument, data_format=data_format)
    np.testing.assert_array_equal(cropped(_given(expected, data_format)), _given(x, data_format))
    for layer in (padded, cropped):
        same = type(layer).from_config(layer.get_config())
        np.testing.assert_array_equal(same(_given(x, data_format)), layer(_given(x, data_format)))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_up_sampling(rank: int, data_format: Any) -> None:
    x = _x(*(5, 4, 3)[:rank], 3)
    size = (2, 3, 1)[:rank]
    expected = x
    for axis, times in enumerate(size, 1):
        expected = expected.repeat(times, axis)
    if rank == 1:
        np.testing.assert_array_equal(layers.UpSampling1D(2)(x), expected)
        return
    layer = getattr(layers, f"UpSampling{rank}D")(size, data_format=data_format)
    np.testing.assert_array_equal(layer(_given(x, data_format)), _given(expected, data_format))


def test_shapes_and_orders() -> None:
    x = _x(4, 6, 3)
    np.testing.assert_array_equal(layers.Reshape((3, -1))(x), x.reshape(2, 3, 24))
    np.testing.assert_array_equal(layers.Reshape((-1,))(x), x.reshape(2, 72))
    np.testing.assert_array_equal(layers.Permute((3, 1, 2))(x), x.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(layers.RepeatVector(3)(_x(5)), np.repeat(_x(5)[:, None], 3, 1))


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2, -3])
def test_concatenation(axis: int) -> None:
    x = Input((4, 4, 4))
    y, z = layers.Cropping2D(0)(x), layers.UpSampling2D(1)(x)
    model = Model(x, layers.Concatenate(axis)([x, y, z]))
    given = _x(4, 4, 4)
    np.testing.assert_array_equal(model.predict(given), np.concatenate([given] * 3, axis))


@pytest.mark.parametrize("data_format", FORMATS)
def test_a_small_u_net_trains_and_is_saved(data_format: Any, tmp_path: Any) -> None:
    axis = 1 if data_format == "channels_first" else -1
    shape = (3, 16, 16) if data_format == "channels_first" else (16, 16, 3)

    def conv(filters: int, x: Any) -> Any:
        return layers.Conv2D(filters, 3, padding="same", activation="relu", data_format=data_format)(x)

    x = Input(shape)
    wide = conv(16, x)
    deep = conv(32, layers.MaxPooling2D(data_format=data_format)(wide))
    joined = layers.concatenate([wide, layers.UpSampling2D(data_format=data_format)(deep)], axis=axis)
    out = layers.GlobalAveragePooling2D(data_format=data_format)(conv(8, joined))
    model = Model(x, layers.Dense(2, activation="softmax")(out))
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(3)
    samples = rng.normal(size=(64, *shape)).astype(np.float32)
    labels = (samples.mean((1, 2, 3)) > 0).astype(int)
    losses = model.fit(samples, labels, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.85 * losses[0]
    model.save(tmp_path / "unet")
    again = models.load_model(tmp_path / "unet")
    np.testing.assert_array_equal(again.predict(samples), model.predict(samples))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.ZeroPadding2D((1, 2, 3)), "padding must name each axis, 2 times"),
        (lambda: layers.ZeroPadding2D(-1), "padding must be at least 0"),
        (lambda: layers.Cropping2D(2)(_x(4, 4, 1)), "cropping leaves nothing"),
        (lambda: layers.Cropping2D(1)(_x(4, 4)), "must have 3 axes"),
        (lambda: layers.Reshape((5, 5))(_x(4, 6)), "24 numbers"),
        (lambda: layers.Reshape((-1, -1)), "one -1"),
        (lambda: layers.Permute((1, 3)), "1, 2"),
        (lambda: layers.RepeatVector(2)(_x(4, 6)), "takes vectors"),
        (lambda: layers.Concatenate(0)([Input((4,)), Input((4,))]), "0 is that of the batch"),
        (lambda: layers.Concatenate(1)([Input((4, 3)), Input((4, 2))]), "one shape except along axis 0"),
        (lambda: layers.UpSampling2D(0), "size must be at least 1"),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
