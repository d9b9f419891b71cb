"""A picture of twice the size: nested models, depth made space, and a resized copy of the picture added."""

import keras
import numpy as np
from keras import layers, ops


def body():
    inputs = keras.Input((None, None, 8))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(8, 3, padding="same")(x)
    return keras.Model(inputs, layers.Add()([inputs, x]), name="body")


def build():
    inputs = keras.Input((12, 12, 1))
    x = layers.Conv2D(8, 5, padding="same")(inputs)
    shared = body()
    x = shared(shared(x))
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.Reshape((12, 12, 2, 2))(x)
    x = layers.Permute((1, 3, 2, 4))(x)
    x = layers.Reshape((24, 24, 1))(x)
    large = layers.UpSampling2D(2, interpolation="bilinear")(inputs)
    return keras.Model(inputs, ops.clip(x + large, -2.0, 2.0))


def data(rng):
    large = rng.normal(size=(6, 24, 24, 1)).astype("float32")
    return large.reshape(6, 12, 2, 12, 2, 1).mean(axis=(2, 4)), large


def compiled(model):
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mae", metrics=["mse"])
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
