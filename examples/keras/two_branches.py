"""Two kernels side by side, joined along the channels, as in Inception."""

import keras
import numpy as np
from keras import layers


def build():
    inputs = keras.Input((12, 12, 3))
    narrow = layers.Conv2D(6, 1, activation="relu", padding="same")(inputs)
    wide = layers.Conv2D(6, 5, activation="relu", padding="same")(inputs)
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(inputs)
    x = layers.concatenate([narrow, wide, pooled])
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


def data(rng):
    return rng.normal(size=(16, 12, 12, 3)), rng.integers(0, 5, 16)


def compiled(model):
    model.compile(optimizer=keras.optimizers.RMSprop(1e-3), loss="sparse_categorical_crossentropy")
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
