"""Files of weights, of Keras here in each of its forms, and of ours there: outputs are the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_backend import keras_on

import cnnfast
from cnnfast.io import load_weights

keras = keras_on("numpy")
pytest.importorskip("h5py", reason="its files are HDF5: pip install 'cnnfast[h5]'")

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]  # Keras's own warnings are not ours


def _net(library: Any) -> Any:
    """Most kinds of layers with weights, two of some, models in the model and in these."""
    library.utils.clear_session()  # names are counted anew, as in the sessions that files come from
    layers = library.layers
    inputs = layers.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    trunk = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(trunk))
    x = layers.Add()([trunk, layers.SeparableConv2D(8, 3, padding="same")(x)])
    x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2DTranspose(6, 2, strides=2)(x))
    inner = [layers.Input((24, 24, 6)), layers.Conv2D(4, 3), layers.LayerNormalization()]
    x = library.Sequential([*inner, layers.GroupNormalization(2), layers.GlobalAveragePooling2D()])(x)
    for _ in range(2):  # two graphs, each with a chain and a graph in it
        start, deep = layers.Input((4,)), layers.Input((4,))
        y = library.Model(deep, layers.Dense(4)(layers.Dense(4, activation="tanh")(deep)))(start)
        y = library.Sequential([layers.Input((4,)), layers.Dense(4)])(layers.Add()([y, start]))
        x = library.Model(start, layers.Dense(4, activation="tanh")(y))(x)
    x = layers.Flatten()(layers.TimeDistributed(layers.Dense(2))(layers.Reshape((2, 2))(x)))
    return library.Model(inputs, layers.Dense(5)(layers.Dense(7, activation="relu")(x)))


@pytest.fixture
def theirs() -> Any:
    model = _net(keras)
    rng = np.random.default_rng(0)
    model.set_weights([np.abs(rng.normal(size=weight.shape)) * 0.3 + 0.05 for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("name", ["net.weights.h5", "net.keras", "net.h5", "net.npz"])
def test_files(name: str, theirs: Any, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "net.npz":
        np.savez(path, *theirs.get_weights())
    else:
        (theirs.save_weights if "weights" in name else theirs.save)(path)
    ours = _net(cnnfast)
    report = load_weights(ours, path)
    assert report.complete
    assert report.by == ("order" if name == "net.npz" else "name")
    assert len(report.matched) == len(theirs.weights)
    x = np.random.default_rng(1).normal(size=(3, 12, 12, 3)).astype(np.float32)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


def test_weights_of_ours_in_keras(theirs: Any, tmp_path: Path) -> None:
    ours = _net(cnnfast)
    ours.set_weights(theirs.get_weights())
    ours.save_weights(tmp_path / "net.weights.h5")
    x = np.random.default_rng(1).normal(size=(3, 12, 12, 3)).astype(np.float32)
    again, expected = _net(cnnfast), theirs.predict(x, verbose=0)
    again.load_weights(tmp_path / "net.weights.h5")
    theirs.set_weights([np.zeros(weight.shape) for weight in theirs.get_weights()])
    theirs.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_array_equal(again.predict(x, verbose=0), ours.predict(x, verbose=0))
    np.testing.assert_allclose(theirs.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def _own(library: Any) -> Any:
    """A model with a `call`: layers of one shape, whose attributes have another order than their use."""
    layers = library.layers

    class Block(layers.Layer):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.outer, self._inner = layers.Dense(4, activation="tanh"), layers.Dense(4, activation="tanh")

        def build(self, input_shape: Any) -> None:
            for layer in (self.outer, self._inner):
                layer.build(input_shape)
            self.count = self.add_weight(shape=(4,), initializer="ones", trainable=False, name="count")
            self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")

        def call(self, x: Any) -> Any:
            return self.outer(self._inner(x)) * self.scale + self.count

    class Net(library.Model):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.second, self.first = layers.Dense(4), layers.Dense(4)
            self.parts = [Block(), [layers.Dense(4), layers.Dense(4)], {"b": Block(), "a": layers.Dense(4)}]
            self.last = self.first  # the same, which has the name that comes first
            self.chain = library.Sequential([layers.Input((4,)), layers.Dense(4)])

        def call(self, x: Any) -> Any:
            block, (one, two), more = self.parts
            x = two(one(block(self.second(self.first(x)))))
            return self.last(self.chain(more["a"](more["b"](x))))

    model = Net()
    model(np.zeros((1, 4), np.float32))
    return model


@pytest.mark.parametrize("name", ["net.weights.h5", "net.keras"])
def test_layers_that_are_attributes(name: str, tmp_path: Path) -> None:
    """Groups are named after attributes, or after `layers`, where that comes first in the alphabet."""
    theirs, ours, rng = _own(keras), _own(cnnfast), np.random.default_rng(0)
    theirs.set_weights([rng.normal(size=weight.shape) * 0.3 for weight in theirs.get_weights()])
    x = rng.normal(size=(3, 4)).astype(np.float32)
    expected = theirs.predict(x, verbose=0)
    (theirs.save_weights if "weights" in name else theirs.save)(tmp_path / name)
    report = load_weights(ours, tmp_path / name)
    assert report.by == "name"
    assert report.complete
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    ours.save_weights(tmp_path / "ours.weights.h5")
    again = _own(keras)
    again.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
