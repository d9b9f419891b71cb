"""Sentences of word numbers through an embedding and convolutions of several widths."""

import keras
import numpy as np
from keras import layers

WORDS = 50


def build():
    inputs = keras.Input((20,), dtype="int32")
    x = layers.Embedding(WORDS, 8)(inputs)
    x = layers.concatenate(
        [layers.GlobalMaxPooling1D()(layers.Conv1D(6, width, activation="relu")(x)) for width in (2, 3, 4)]
    )
    x = layers.Dense(8, activation="gelu")(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def data(rng):
    return rng.integers(0, WORDS, (16, 20)), rng.integers(0, 2, (16, 1)).astype("float32")


def compiled(model):
    loss = keras.losses.BinaryFocalCrossentropy(gamma=1.5, apply_class_balancing=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss=loss, metrics=["binary_accuracy"])
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
