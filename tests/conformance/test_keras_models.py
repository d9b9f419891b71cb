"""Files of Keras's models, both ways: outputs, weights, training that goes on; what is refused."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.exported import NETWORKS, network
from support.keras_backend import keras_on
from support.layer_rows import BOTH, COLOURS, IMAGE, LACKED, OWN, Net
from support.machine import run_python

import cnnfast
from cnnfast import layers, ops, optimizers
from cnnfast.models import ModelFileError, load_model

keras = keras_on("numpy")
pytest.importorskip("h5py", reason="h5py is the extra h5")

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's own code
    pytest.mark.filterwarnings("ignore:.*HDF5 file:UserWarning"),
    # Keras's shapes are told by computing with whatever numbers are there.
    pytest.mark.filterwarnings("ignore:.*invalid value encountered:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:.*overflow encountered:RuntimeWarning"),
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


# What Keras does not do itself on NumPy.
FAULTS = {
    "RandomCrop": "Keras's leaves pictures as they are, though it tells another size",
    "Equalization": "Keras cannot read what it wrote",
    "CategoryEncoding": "Keras's takes its inputs' numbers for no indices",
}


def _model_of(library: Any, make: Any, shape: tuple[int, ...]) -> Any:
    symbol = library.Input(shape)
    made = make(library.layers)
    name = type(made).__name__
    if name in FAULTS:
        pytest.skip(FAULTS[name])
    model = library.Model(symbol, made(symbol))
    if name != "Normalization":
        _randomize(model)
    return model


@pytest.mark.parametrize(("make", "shape"), BOTH)
def test_layers_of_keras_are_read(make: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    theirs = _model_of(keras, make, shape)
    x = _samples(shape)
    expected = theirs(x, training=False)
    # In .h5 TimeDistributed's weights are named as nobody else's, and Keras cannot write its augmentation.
    no_h5 = shape == COLOURS or isinstance(theirs.layers[-1], K.TimeDistributed)
    for suffix in ("keras",) if no_h5 else ("keras", "h5"):
        theirs.save(tmp_path / f"net.{suffix}")
        ours = load_model(tmp_path / f"net.{suffix}")
        _close(ours.predict(x, verbose=0), expected)
        assert ours.layers[-1].name == theirs.layers[-1].name


@pytest.mark.parametrize(("make", "shape"), BOTH)
def test_layers_of_ours_are_written(make: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    ours = _model_of(cnnfast, make, shape)
    x = _samples(shape)
    ours.save(tmp_path / "net.keras")
    theirs = keras.models.load_model(tmp_path / "net.keras")
    _close(theirs(x, training=False), ours.predict(x, verbose=0))
    again = load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), ours.predict(x, verbose=0))


@pytest.mark.parametrize(("make", "shape"), LACKED)
def test_layers_that_keras_lacks(make: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    symbol = cnnfast.Input(shape)
    with pytest.raises(ValueError, match=r"layer '\w+' \(\w+\) (is a layer that Keras|has an argument)"):
        cnnfast.Model(symbol, make()(symbol)).save(tmp_path / "net.keras")


def _same_in_keras(ours: Any, shape: tuple[int, ...], folder: Path) -> None:
    _randomize(ours)
    x = _samples(shape)
    ours.save(folder / "net.keras")
    theirs = keras.models.load_model(folder / "net.keras")
    _close(theirs(x, training=False), ours.predict(x, verbose=0))
    _close(load_model(folder / "net.keras").predict(x, verbose=0), ours.predict(x, verbose=0))


@pytest.mark.parametrize(("make", "shape"), OWN)
def test_layers_that_keras_has_otherwise(make: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    image = cnnfast.Input(shape)
    x = layers.Dense(shape[-1])(image)
    _same_in_keras(cnnfast.Model(image, layers.Dense(2)(make()(x))), shape, tmp_path)


def test_models_with_a_call_are_written_as_graphs(tmp_path: Path) -> None:
    ours = Net(Net())
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


def test_nodes_do_not_tell_whether_a_layer_trains(tmp_path: Path) -> None:
    """Keras writes what a layer was called with first, and overrides it in each call of the model."""
    image = keras.Input(IMAGE)
    keras.Model(image, K.Dropout(0.5, seed=1)(image, training=False)).save(tmp_path / "net.keras")
    ours = load_model(tmp_path / "net.keras")
    x = np.ones((4, *IMAGE), np.float32)
    assert np.ptp(ours(x, training=True)) > 0
    assert np.ptp(ours(x, training=False)) == 0
    symbol = cnnfast.Input(IMAGE)
    model = cnnfast.Model(symbol, layers.Dropout(0.5)(symbol, training=False))
    with pytest.warns(UserWarning, match="follows the model's calls"):
        model.save(tmp_path / "net.keras")
    assert np.ptp(load_model(tmp_path / "net.keras")(x, training=True)) == 0  # a file of ours keeps it


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
    "Adafactor": {"learning_rate": 0.01},
    "Muon": {"learning_rate": 0.01},
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


class WithWeights(cnnfast.Model):
    """A model that has a weight beside its layers."""

    def __init__(self) -> None:
        super().__init__(name="own")
        self.dense, self.factors = layers.Dense(3), self.add_weight((3,), "ones", name="factors")

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs) * self.factors


def test_models_with_weights_of_their_own_are_told(tmp_path: Path) -> None:
    model = WithWeights()
    model(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"'own' \(WithWeights\) is a model with weights of its own"):
        model.save(tmp_path / "net.keras")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NETWORKS)
def test_known_networks_are_written(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    ours = network(name, request)
    ours.save(tmp_path / "net.keras")
    x = _samples(ours.input_shape[1:])
    expected = keras.models.load_model(tmp_path / "net.keras")(x, training=False)
    assert np.ptp(expected) > 0.01 * np.abs(expected).max()
    _close(ours.predict(x, verbose=0), expected, 1e-4)


def _gate(library: Any) -> Any:
    """A layer of one's own with weights and a layer in it."""

    class Gate(library.layers.Layer):  # type: ignore[misc]
        def __init__(self, units: int = 4, **options: Any) -> None:
            super().__init__(**options)
            self.units, self.dense = units, library.layers.Dense(units)

        def build(self, input_shape: Any) -> None:
            self.dense.build(input_shape)
            self.factors = self.add_weight(shape=(input_shape[-1], self.units), name="factors")

        def call(self, x: Any) -> Any:
            return library.ops.matmul(x, self.factors) * self.dense(x)

        def get_config(self) -> Any:
            return {**super().get_config(), "units": self.units}

    return Gate


@pytest.mark.parametrize("chain", [False, True])
def test_layers_of_ones_own_with_weights(chain: bool, tmp_path: Path) -> None:
    """They are told by their names; who loads the file gives the code, there as here."""
    ours, theirs, path = _gate(cnnfast), _gate(keras), tmp_path / "net.keras"
    image, listed = cnnfast.Input((3,)), [layers.Dense(5), ours(4), ours(2)]
    model = cnnfast.Sequential([image, *listed])
    if not chain:
        made = image
        for layer in listed:
            made = layer(made)
        model = cnnfast.Model(image, made)
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    model.fit(x, x[:, :2], verbose=0)
    model.save(path)
    again = keras.models.load_model(path, custom_objects={"Gate": theirs})
    _close(again(x), model.predict(x, verbose=0))
    again.save(tmp_path / "theirs.keras")
    for each in (path, tmp_path / "theirs.keras"):
        loaded = load_model(each, custom_objects={"Gate": ours})
        _close(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
        for one, other in zip(_state(loaded), _state(model), strict=True):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(ModelFileError, match=r"Gate.*custom_objects"):
        load_model(path)
    with pytest.raises(ValueError, match="define get_config"):
        cnnfast.Sequential([cnnfast.Input((3,)), _without_config(ours)]).save(path)


def _without_config(gate: Any) -> Any:
    class Fixed(gate):  # type: ignore[misc]
        def __init__(self, units: int) -> None:
            super().__init__(units)

    return Fixed(2)


def _state(model: Any) -> list[Any]:
    return list(model.network.optimizer_state().values())


def test_what_optimizers_keep_of_branches(tmp_path: Path) -> None:
    """In Keras's order of layers, which goes by depth; kept for equal shapes, it could be swapped unseen."""
    image = cnnfast.Input((4,))
    deep = layers.Dense(4, name="second")(layers.Dense(4, name="first")(image))
    model = cnnfast.Model(image, layers.Add()([layers.Dense(4, name="beside")(image), deep]))
    model.compile("lamb", "mse")
    model.fit(_samples((4,)), _samples((4,), 1), verbose=0)
    model.save(tmp_path / "net.keras")
    ours = {each.name.rpartition("/")[2]: each.numpy() for each in model.optimizer._own}
    theirs = keras.models.load_model(tmp_path / "net.keras").optimizer.variables[2:]
    assert len(theirs) == len(ours) == 12
    for each in theirs:
        np.testing.assert_array_equal(np.asarray(each), ours[each.path.rpartition("/")[2]])
