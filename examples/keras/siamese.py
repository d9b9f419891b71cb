"""One network for two pictures: are they of the same kind? The distance of what it makes of them tells."""

import keras
import numpy as np
from keras import layers, ops


def encoder():
    inputs = keras.Input((10, 10, 1))
    x = layers.Conv2D(6, 3, activation="relu")(inputs)
    x = layers.LayerNormalization()(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(4)(x))


def build():
    one, other = keras.Input((10, 10, 1)), keras.Input((10, 10, 1))
    encode = encoder()
    distance = ops.sum(ops.square(encode(one) - encode(other)), axis=-1, keepdims=True)
    return keras.Model([one, other], layers.Dense(1, activation="sigmoid")(ops.exp(-distance)))


def data(rng):
    return [rng.normal(size=(16, 10, 10, 1)) for _ in range(2)], rng.integers(0, 2, (16, 1))


def compiled(model):
    model.compile(optimizer=keras.optimizers.Adam(1e-3, clipnorm=1.0), loss="binary_crossentropy")
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
