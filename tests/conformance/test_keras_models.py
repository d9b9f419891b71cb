"""Files of Keras's models, both ways: outputs, weights, training that goes on; what is refused."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.machine import run_python

import cnnfast
from cnnfast import layers, ops, optimizers
from cnnfast.models import ModelFileError, load_model

os.environ.setdefault("KERAS_BACKEND", "numpy")  # before Keras is imported
pytest.importorskip("keras", reason="Keras is an extra of the development environment")
pytest.importorskip("h5py", reason="h5py is the extra h5")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's own code
    pytest.mark.filterwarnings("ignore:.*HDF5 file:UserWarning"),
]
RTOL = 1e-5  # of the largest number


def _close(got: Any, expected: Any, rtol: float = RTOL) -> None:
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=rtol * max(float(np.abs(expected).max()), 1e-3))


def _samples(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((4, *shape), np.float32)


def _randomize(model: Any) -> None:
    rng = np.random.default_rng(1)
    model.set_weights([np.abs(rng.standard_normal(w.shape)) * 0.5 for w in model.get_weights()])


K = keras.layers
IMAGE, LINE, VOLUME, VECTOR = (8, 7, 4), (9, 4), (5, 6, 4, 3), (6,)
LAYERS: list[tuple[Any, tuple[int, ...]]] = [
    (lambda k: k.Conv1D(3, 3, 2, "same", activation="relu"), LINE),
    (lambda k: k.Conv1D(3, 3, padding="causal", dilation_rate=2), LINE),
    (lambda k: k.Conv2D(6, (3, 2), 2, groups=2, kernel_regularizer="l2", bias_constraint="non_neg"), IMAGE),
    (lambda k: k.Conv2D(3, 3, padding="same", use_bias=False, activation="gelu"), IMAGE),
    (lambda k: k.Conv2D(3, 3, kernel_initializer=cnnfast_or(k).initializers.HeNormal(seed=3)), IMAGE),
    (lambda k: k.Conv3D(3, 2), VOLUME),
    (lambda k: k.Conv1DTranspose(3, 3, 2), LINE),
    (lambda k: k.Conv2DTranspose(3, 3, 2, "same"), IMAGE),
    (lambda k: k.Conv3DTranspose(2, 2, 2), VOLUME),
    (lambda k: k.DepthwiseConv1D(3, depth_multiplier=2), LINE),
    (lambda k: k.DepthwiseConv2D(3, 2, "same", depth_multiplier=2, activation="relu"), IMAGE),
    (lambda k: k.SeparableConv1D(5, 3), LINE),
    (lambda k: k.SeparableConv2D(5, 3, depth_multiplier=2), IMAGE),
    (lambda k: k.Dense(5, activation="softmax"), VECTOR),
    (lambda k: k.Dense(5, use_bias=False, kernel_regularizer="l1"), IMAGE),
    (lambda k: k.BatchNormalization(epsilon=0.01), IMAGE),
    (lambda k: k.BatchNormalization(axis=1, scale=False), IMAGE),
    (lambda k: k.LayerNormalization(axis=[1, 2]), IMAGE),
    (lambda k: k.LayerNormalization(), IMAGE),
    (lambda k: k.GroupNormalization(2), IMAGE),
    (lambda k: k.RMSNormalization(), IMAGE),
    (lambda k: k.UnitNormalization(), IMAGE),
    (lambda k: k.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 1, 2]), IMAGE),
    (lambda k: k.Discretization([0.2, 0.6]), VECTOR),
    (lambda k: k.Rescaling(2.0, 1.0), IMAGE),
    (lambda k: k.Rescaling([2.0, 3, 1, 5], [1.0, 0, 0, 1]), IMAGE),
    (lambda k: k.MaxPooling1D(2), LINE),
    (lambda k: k.MaxPooling2D((2, 3), 2, "same"), IMAGE),
    (lambda k: k.MaxPooling3D(2), VOLUME),
    (lambda k: k.AveragePooling1D(2), LINE),
    (lambda k: k.AveragePooling2D(3, 2, "same"), IMAGE),
    (lambda k: k.AveragePooling3D(2), VOLUME),
    (lambda k: k.GlobalAveragePooling1D(), LINE),
    (lambda k: k.GlobalAveragePooling2D(keepdims=True), IMAGE),
    (lambda k: k.GlobalMaxPooling2D(), IMAGE),
    (lambda k: k.GlobalMaxPooling3D(), VOLUME),
    (lambda k: k.AdaptiveAveragePooling2D((3, 2)), IMAGE),
    (lambda k: k.AdaptiveMaxPooling2D(2), IMAGE),
    (lambda k: k.ZeroPadding1D((1, 2)), LINE),
    (lambda k: k.ZeroPadding2D(((1, 2), (0, 3))), IMAGE),
    (lambda k: k.ZeroPadding3D(1), VOLUME),
    (lambda k: k.Cropping1D((1, 2)), LINE),
    (lambda k: k.Cropping2D(1), IMAGE),
    (lambda k: k.Cropping3D(1), VOLUME),
    (lambda k: k.UpSampling1D(2), LINE),
    (lambda k: k.UpSampling2D((2, 3)), IMAGE),
    (lambda k: k.UpSampling2D(2, interpolation="bilinear"), IMAGE),
    (lambda k: k.UpSampling3D(2), VOLUME),
    (lambda k: k.Resizing(5, 9), IMAGE),
    (lambda k: k.CenterCrop(5, 4), IMAGE),
    (lambda k: k.Flatten(), IMAGE),
    (lambda k: k.Reshape((-1, 4)), IMAGE),
    (lambda k: k.Permute((3, 1, 2)), IMAGE),
    (lambda k: k.RepeatVector(3), VECTOR),
    (lambda k: k.Activation("swish"), IMAGE),
    (lambda k: k.ReLU(max_value=0.6, negative_slope=0.1, threshold=0.2), IMAGE),
    (lambda k: k.LeakyReLU(negative_slope=0.2), IMAGE),
    (lambda k: k.PReLU(shared_axes=[1, 2]), IMAGE),
    (lambda k: k.ELU(alpha=0.5), IMAGE),
    (lambda k: k.Softmax(), VECTOR),
    (lambda k: k.Identity(), VECTOR),
    (lambda k: k.ActivityRegularization(0.1), VECTOR),
    (lambda k: k.Dropout(0.5, seed=3), VECTOR),
    (lambda k: k.SpatialDropout2D(0.3), IMAGE),
    (lambda k: k.GaussianNoise(0.3), VECTOR),
    (lambda k: k.GaussianDropout(0.3), VECTOR),
    (lambda k: k.AlphaDropout(0.3), VECTOR),
    (lambda k: k.TimeDistributed(k.Dense(3)), LINE),
    (lambda k: k.RandomFlip(), IMAGE),
]


# Layers that Keras has as several, or by another name.
OURS: list[tuple[Any, tuple[int, ...]]] = [
    (lambda: layers.PixelShuffle(2), IMAGE),
    (lambda: layers.PixelShuffle(2, "channels_first"), (8, 3, 5)),
    (lambda: layers.DepthToSpace(2), IMAGE),
    (lambda: layers.DepthToSpace(2, "channels_first"), (8, 3, 5)),
    (lambda: layers.LayerScale(0.3), IMAGE),
    (lambda: layers.InstanceNormalization(), IMAGE),
    (lambda: layers.Lambda(ops.relu), IMAGE),
    (lambda: layers.Lambda(lambda x: ops.tanh(x * 2.0) + ops.mean(x, -1, keepdims=True)), IMAGE),
    (lambda: layers.Conv2D(3, 3, padding="same", padding_mode="reflect"), IMAGE),
    (lambda: layers.Conv2D(3, 4, 2, padding="same", padding_mode="replicate"), IMAGE),
    (lambda: layers.Conv1D(3, 3, padding="causal", padding_mode="circular"), LINE),
    (lambda: layers.Conv2D(3, 3, padding="valid", padding_mode="circular"), IMAGE),
    (lambda: layers.DepthwiseConv2D(3, padding=((1, 2), (0, 1)), padding_mode="circular"), IMAGE),
    (lambda: layers.Conv2D(3, 3, padding=1, padding_mode="reflect", data_format="channels_first"), IMAGE),
    (lambda: _Block(), IMAGE),
]


class _Block(layers.Layer):
    """Code that calls layers and words."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Conv2D(4, 1), layers.Dense(4)

    def call(self, inputs: Any, training: Any = None) -> Any:
        return inputs + ops.silu(self.second(self.first(inputs)))


class _Net(cnnfast.Model):
    """The same as a model, with a model of its own kind in it."""

    def __init__(self, inner: Any = None) -> None:
        super().__init__()
        self.block, self.inner, self.head = _Block(), inner, layers.Dense(3)

    def call(self, inputs: Any, training: Any = None) -> Any:
        x = self.block(inputs)
        return self.head(x if self.inner is None else self.inner(x))


def cnnfast_or(k: Any) -> Any:
    """The library whose layers these are."""
    return keras if k is K else cnnfast


@pytest.mark.parametrize(("make", "shape"), LAYERS)
def test_layers_of_keras_are_read(make: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    theirs = keras.Sequential([keras.Input(shape), make(K)])
    if not isinstance(theirs.layers[-1], K.Normalization):
        _randomize(theirs)
    x = _samples(shape)
    expected = theirs(x, training=False)
    for suffix in ("keras", "h5"):
        if suffix == "h5" and isinstance(theirs.layers[-1], K.TimeDistributed):
            continue  # whose weights such files name as nobody else does
        theirs.save(tmp_path / f"net.{suffix}")
        ours = load_model(tmp_path / f"net.{suffix}")
        _close(ours.predict(x, verbose=0), expected)
        assert ours.layers[-1].name == theirs.layers[-1].name


@pytest.mark.parametrize(("make", "shape"), LAYERS)
def test_layers_of_ours_are_written(make: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    ours = cnnfast.Sequential([cnnfast.Input(shape), make(cnnfast.layers)])
    if not isinstance(ours.layers[-1], cnnfast.layers.Normalization):
        _randomize(ours)
    x = _samples(shape)
    ours.save(tmp_path / "net.keras")
    theirs = keras.models.load_model(tmp_path / "net.keras")
    _close(theirs(x, training=False), ours.predict(x, verbose=0))
    again = load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), ours.predict(x, verbose=0))


def _same_in_keras(ours: Any, shape: tuple[int, ...], folder: Path) -> None:
    _randomize(ours)
    x = _samples(shape)
    ours.save(folder / "net.keras")
    theirs = keras.models.load_model(folder / "net.keras")
    _close(theirs(x, training=False), ours.predict(x, verbose=0))
    _close(load_model(folder / "net.keras").predict(x, verbose=0), ours.predict(x, verbose=0))


@pytest.mark.parametrize(("make", "shape"), OURS)
def test_layers_that_keras_has_otherwise(make: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    image = cnnfast.Input(shape)
    x = layers.Dense(shape[-1])(image)
    _same_in_keras(cnnfast.Model(image, layers.Dense(2)(make()(x))), shape, tmp_path)


def test_models_with_a_call_are_written_as_graphs(tmp_path: Path) -> None:
    ours = _Net(_Net())
    ours.build((None, *IMAGE))
    _same_in_keras(ours, IMAGE, tmp_path)
    ours.compile("adam", "mse")
    ours.fit(_samples(IMAGE), np.zeros((4, 8, 7, 3)), verbose=0)
    ours.save(tmp_path / "net.keras")
    again = load_model(tmp_path / "net.keras")
    for model in (ours, again):
        model.fit(_samples(IMAGE), np.zeros((4, 8, 7, 3)), verbose=0)
    _close(again.predict(_samples(IMAGE), verbose=0), ours.predict(_samples(IMAGE), verbose=0))


def _graph(k: Any) -> Any:
    """Two inputs, two outputs, branches of unequal depth, a shared layer, models in it, operators."""
    layers, input_of, model_of = k.layers, k.Input, k.Model
    image, vector = input_of((8, 8, 3), name="image"), input_of((4,), name="vector")
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    x = layers.Conv2D(3, 1, name="first")(image)
    deep = layers.BatchNormalization(name="bn")(shared(layers.Conv2D(3, 3, padding="same", name="deep")(x)))
    flat = layers.Conv2D(3, 1, name="flat")(shared(image))
    x = layers.Flatten(name="flatten")(layers.Add(name="add")([deep, flat]))
    inner_in = input_of((4,), name="inner_in")
    inner_out = layers.Dense(4, activation="relu", name="inner_dense")(inner_in) + inner_in
    inner = model_of(inner_in, inner_out, name="inner")
    chain = k.Sequential([input_of((4,)), layers.Dense(4, name="chain_dense")], name="chain")
    y = inner(chain(inner(vector))) * 2.0 - 1.0
    joined = layers.Concatenate(name="joined")([x, y])
    outputs = {"a": layers.Dense(2, name="a")(joined), "b": layers.Dense(3, name="b")(y)}
    return model_of([image, vector], outputs, name="graph")


def test_graphs_of_keras_are_read(tmp_path: Path) -> None:
    theirs = _graph(keras)
    _randomize(theirs)
    x = [_samples((8, 8, 3)), _samples((4,))]
    expected = theirs(x, training=False)
    for suffix in ("keras", "h5"):
        theirs.save(tmp_path / f"net.{suffix}")
        made = load_model(tmp_path / f"net.{suffix}").predict(x, verbose=0)
        for name, value in expected.items():
            _close(made[name], value)


def test_graphs_of_ours_are_written(tmp_path: Path) -> None:
    ours = _graph(cnnfast)
    _randomize(ours)
    x = [_samples((8, 8, 3)), _samples((4,))]
    ours.save(tmp_path / "net.keras")
    made = keras.models.load_model(tmp_path / "net.keras")(x, training=False)
    again = load_model(tmp_path / "net.keras").predict(x, verbose=0)
    for name, value in ours.predict(x, verbose=0).items():
        _close(made[name], value)
        np.testing.assert_array_equal(again[name], value)


def test_borders_of_ones_own_become_layers(tmp_path: Path) -> None:
    image = cnnfast.Input((9, 9, 2))
    x = layers.Conv2D(4, 3, 2, 1, name="conv.1")(image)
    x = layers.MaxPooling2D(3, 2, 1)(layers.Activation("tanh")(x) - 2.0)
    y = layers.AveragePooling2D(3, 1, 1, count_include_pad=True)(x)
    z = layers.MaxPooling2D(2, 2, ceil_mode=True)(layers.DepthwiseConv2D(3, 1, ((1, 0), (2, 2)))(y))
    ours = cnnfast.Model(image, ops.mean(z, axis=[1, 2]))
    _randomize(ours)
    ours.save(tmp_path / "net.keras")
    x = _samples((9, 9, 2))
    _close(keras.models.load_model(tmp_path / "net.keras")(x), ours.predict(x, verbose=0))


OPTIMIZERS = {
    "SGD": {"learning_rate": 0.1},
    "SGD momentum": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    "Adam": {"learning_rate": 0.01},
    "Adam amsgrad": {"learning_rate": 0.01, "amsgrad": True},
    "Adam use_ema": {"learning_rate": 0.01, "use_ema": True},
    "AdamW": {"learning_rate": 0.01, "weight_decay": 0.1},
    "RMSprop": {"learning_rate": 0.01, "momentum": 0.5, "centered": True},
    "Adagrad": {"learning_rate": 0.1},
    "Adadelta": {"learning_rate": 1.0},
    "Adamax": {"learning_rate": 0.01},
    "Nadam": {"learning_rate": 0.01},
    "Lion": {"learning_rate": 0.001},
    "Ftrl": {"learning_rate": 0.1},
    "Lamb": {"learning_rate": 0.01},
}
# Trains in Keras, which its backend NumPy cannot: each file three more steps.
_TRAINED = """
import pathlib, sys, warnings
warnings.simplefilter("ignore")
import keras, numpy as np
folder = pathlib.Path({folder!r})
data = np.load(folder / "data.npz")
for file in sorted(folder.glob("*.keras")):
    model = keras.models.load_model(file)
    for _ in range(3):
        model.train_on_batch(data["x"], data["y"])
    model.save(folder / "after" / file.name)
"""


def _learner() -> Any:
    return cnnfast.Sequential(
        [
            cnnfast.Input((5, 5, 2)),
            layers.Conv2D(3, 3, activation="tanh"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(2, kernel_regularizer="l2"),
        ]
    )


def test_training_goes_on_in_keras_and_back(tmp_path: Path) -> None:
    x, y = _samples((5, 5, 2)), _samples((2,), 1)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    (tmp_path / "after").mkdir()
    models = {}
    for name, options in OPTIMIZERS.items():
        cnnfast.set_random_seed(4)
        model = models[name] = _learner()
        model.compile(getattr(optimizers, name.split()[0])(**options), "mse", metrics=["mae"])
        for _ in range(2):
            model.train_on_batch(x, y)
        model.save(tmp_path / f"{name}.keras")
    run_python(_TRAINED.format(folder=str(tmp_path)), timeout=500, KERAS_BACKEND="jax")
    for name, model in models.items():
        for _ in range(3):
            model.train_on_batch(x, y)
        theirs = load_model(tmp_path / "after" / f"{name}.keras")
        assert theirs.optimizer.iterations == 5, name
        for step in range(3):  # what they kept acts here, too
            for got, expected in zip(theirs.get_weights(), model.get_weights(), strict=True):
                np.testing.assert_allclose(got, expected, rtol=0, atol=2e-5, err_msg=f"{name} {step}")
            model.train_on_batch(x, y)
            theirs.train_on_batch(x, y)


def test_schedules_and_losses_come_over(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), K.Dense(2)])
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.BinaryCrossentropy(True, 0.1),
        metrics=[keras.metrics.MeanSquaredError()],
    )
    model.save(tmp_path / "net.keras")
    ours = load_model(tmp_path / "net.keras")
    assert ours.loss.label_smoothing == 0.1
    assert ours.optimizer.get_config()["learning_rate"]["class_name"] == "ExponentialDecay"
    ours.save(tmp_path / "back.keras")
    back = keras.models.load_model(tmp_path / "back.keras")
    assert back.loss.get_config()["label_smoothing"] == 0.1
    assert back.optimizer.get_config()["learning_rate"]["config"]["decay_rate"] == 0.9


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "net.keras"
    keras.Sequential([keras.Input((3, 2)), K.LSTM(2, name="memory")]).save(file)
    with pytest.raises(ModelFileError, match=r"layer 'memory' is a LSTM, which cnnfast lacks"):
        load_model(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of what it writes
        keras.Sequential([keras.Input((3,)), K.Lambda(lambda x: x * 2, name="mine")]).save(file)
    with pytest.raises(
        ModelFileError, match=r"'mine' \(Lambda\): it holds code \(a lambda\), which is never run"
    ):
        load_model(file)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (lambda: layers.LpPooling2D(2.0, 2, name="p"), "'p' (LpPooling2D) is a layer that Keras"),
        (lambda: layers.Lambda(ops.sort, name="mine"), "ops.sort, which is not written"),
        (lambda: layers.MaxPooling2D(2, dilation_rate=2, name="p"), "has a dilation_rate, which Keras's"),
        (lambda: layers.LayerScale(axis=1, name="s"), "'s' (LayerScale) has its channels not last"),
        (
            lambda: layers.Conv2D(3, 3, 1, 1, padding_mode="reflect", name="c"),
            "'c' (Conv2D): in a chain Keras has no borders of this kind; make a Model",
        ),
    ],
)
def test_what_keras_lacks_is_named(layer: Any, text: str, tmp_path: Path) -> None:
    model = cnnfast.Sequential([cnnfast.Input((8, 8, 4)), layer()])
    with pytest.raises(ValueError) as info:  # noqa: PT011  # the text is compared
        model.save(tmp_path / "net.keras")
    assert text in str(info.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["SqueezeNet", "ResNet18", "MobileNetV3Small"])
def test_known_networks_are_written(name: str, tmp_path: Path) -> None:
    ours = getattr(cnnfast.applications, name)(input_shape=(64, 64, 3), classes=7)
    ours.save(tmp_path / "net.keras")
    x = _samples((64, 64, 3))
    _close(keras.models.load_model(tmp_path / "net.keras")(x, training=False), ours.predict(x, verbose=0))
