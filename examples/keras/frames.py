"""One small network for each frame of a sequence, then what the frames have in common over time."""

import keras
import numpy as np
from keras import layers


def build():
    frame = keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
        ]
    )
    inputs = keras.Input((5, 10, 10, 1))
    x = layers.TimeDistributed(frame)(inputs)
    x = layers.Conv1D(8, 3, padding="same", activation="relu")(x)
    x = layers.GlobalMaxPooling1D()(x)
    return keras.Model(inputs, layers.Dense(2)(x))


def data(rng):
    return rng.normal(size=(6, 5, 10, 10, 1)), rng.normal(size=(6, 2))


def compiled(model):
    model.compile(optimizer=keras.optimizers.SGD(0.05, clipvalue=0.1), loss=keras.losses.LogCosh())
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
