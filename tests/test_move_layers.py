"""Layers that move values: what they make of arrays in both formats, and that models with them train."""

from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, layers, models, ops, set_random_seed

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

    set_random_seed(0)
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


def _shuffled(x: np.ndarray, r: int, pytorch: bool) -> np.ndarray:
    """Channels last; out of the order (c, i, j) or (i, j, c) of the channels."""
    n, h, w, deep = x.shape
    cut, order = ((-1, r, r), (0, 1, 4, 2, 5, 3)) if pytorch else ((r, r, -1), (0, 1, 3, 2, 4, 5))
    return x.reshape(n, h, w, *cut).transpose(order).reshape(n, h * r, w * r, deep // r**2)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("name", ["PixelShuffle", "DepthToSpace"])
def test_channels_become_pixels(name: str, data_format: Any) -> None:
    x = _x(3, 4, 18)
    layer = getattr(layers, name)(3, data_format=data_format)
    want = _given(_shuffled(x, 3, name == "PixelShuffle"), data_format)
    np.testing.assert_array_equal(layer(_given(x, data_format)), want)
    source = Input(_given(x, data_format).shape[1:])
    model = Model.from_config(Model(source, layer(layers.ReLU()(source))).get_config())
    np.testing.assert_array_equal(model.predict(_given(x, data_format)), np.maximum(want, 0))
    with pytest.raises(ValueError, match="the square of the block size must divide the channels"):
        layer(_x(3, 4, 7))


def test_sizes_that_are_not_known() -> None:
    model = Model(source := Input((None, None, 8)), layers.PixelShuffle(2)(source))
    np.testing.assert_array_equal(model.predict(_x(3, 5, 8)), _shuffled(_x(3, 5, 8), 2, True))


@pytest.mark.parametrize("data_format", FORMATS)
def test_the_middle_stays(data_format: Any) -> None:
    x = _x(6, 7, 3)
    layer = layers.CenterCrop(3, 4, data_format)
    same = layers.CenterCrop.from_config(layer.get_config())
    np.testing.assert_array_equal(same(_given(x, data_format)), _given(x[:, 1:4, 1:5], data_format))
    small = _given(_x(2, 7, 3), data_format)
    larger = layers.Resizing(3, 4, crop_to_aspect_ratio=True, data_format=data_format)
    np.testing.assert_array_equal(layer(small), larger(small))
    np.testing.assert_array_equal(layer(_given(x, data_format)[1]), layer(_given(x, data_format))[1])
    with pytest.raises(ValueError, match="samples must be images"):
        layer(_x(7))


def test_identity() -> None:
    x = _x(3, 4)
    np.testing.assert_array_equal(layers.Identity()(x), x)
    source = Input((3, 4))
    model = Model(source, layers.Identity()(source))
    np.testing.assert_array_equal(Model.from_config(model.get_config()).predict(x), x)
    both = layers.Identity()([source, source])
    assert [each.shape for each in both] == [(None, 3, 4)] * 2


def test_lambda(tmp_path: Any) -> None:
    x = _x(3, 4)

    def scaled(x: Any, by: float, training: bool) -> Any:
        return x * (0.0 if training else by) + ops.mean(x, axis=-1, keepdims=True)

    layer = layers.Lambda(scaled, arguments={"by": 3.0}, name="scaled")
    np.testing.assert_allclose(layer(x), 3 * x + x.mean(-1, keepdims=True), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(x, training=True)[..., 0], x.mean(-1), rtol=1e-5, atol=1e-6)
    model = Model(source := Input((3, 4)), layer(layers.Conv1D(4, 1)(source)))
    model.save(tmp_path / "own")  # by its name, which whoever loads it has to know
    with pytest.raises(ValueError, match="scaled"):
        models.load_model(tmp_path / "own")
    again = models.load_model(tmp_path / "own", custom_objects={"scaled": scaled})
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    with pytest.raises(ValueError, match="code of your own without a name"):
        Model(source, layers.Lambda(lambda x: x)(source)).save(tmp_path / "nameless")
    model.compile("sgd", "mse")
    assert model.fit(x, x, verbose=0).history["loss"][0] > 0
    powers = layers.Lambda(ops.power, arguments={"x2": 2.0})
    model = Model(source, powers(source))
    model.save(tmp_path / "ours")
    np.testing.assert_array_equal(models.load_model(tmp_path / "ours").predict(x), model.predict(x))
    np.testing.assert_allclose(model.predict(x), x**2, rtol=1e-6)
    for function in (3, "os.system"):
        with pytest.raises(ValueError, match=r"function must be one, or the name of one of cnnfast\.ops"):
            layers.Lambda(function)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch", [3, 17])
def test_each_step_of_a_sequence(batch: int, tmp_path: Any) -> None:
    x = np.random.default_rng(4).normal(size=(batch, 5, 6, 7, 3)).astype(np.float32)
    inner = layers.Conv2D(20, 3, activation="relu")
    model = Model(source := Input(x.shape[1:]), layers.TimeDistributed(inner)(source))
    assert model.output_shape == (None, 5, 4, 5, 20)
    want = np.stack([inner(x[:, i]) for i in range(5)], 1)
    np.testing.assert_allclose(model.predict(x), want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layers.TimeDistributed(inner)(x), want, rtol=1e-4, atol=1e-5)
    new = layers.TimeDistributed(layers.Conv2D(1, 1, kernel_initializer="ones"))  # with its first weights
    np.testing.assert_allclose(new(x)[..., 0], x.sum(-1), rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "steps")
    copy = models.load_model(tmp_path / "steps")
    np.testing.assert_array_equal(copy.predict(x), model.predict(x))
    with pytest.raises(ValueError, match="takes a layer, got 'dense'"):
        layers.TimeDistributed("dense")  # type: ignore[arg-type]


def test_steps_train_one_layer() -> None:
    """As convolutions with kernels of one step do; and a layer for training only."""
    x, y = _x(5, 4), _x(5, 2)
    one, other = (
        Sequential([Input((5, 4)), first, layers.TimeDistributed(layers.BatchNormalization()), second])
        for first, second in (
            (layers.Conv1D(8, 1, activation="tanh"), layers.Conv1D(2, 1)),
            [
                layers.TimeDistributed(layers.Dense(units, activation=a))
                for units, a in ((8, "tanh"), (2, None))
            ],
        )
    )
    other.set_weights([w[0] if w.ndim == 3 else w for w in one.get_weights()])
    for model in (one, other):
        model.compile("sgd", "mse")
        model.fit(x, y, epochs=5, shuffle=False, verbose=0)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a.reshape(b.shape), b, rtol=1e-4, atol=1e-5)
    dropped = layers.TimeDistributed(layers.Dropout(0.5))
    assert (dropped(x) == x).all()
