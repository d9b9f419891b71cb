"""Moving pictures: convolutions over time, height and width."""

import keras
import numpy as np
from keras import layers


def build():
    return keras.Sequential(
        [
            keras.Input((6, 12, 12, 1)),
            layers.Conv3D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling3D((1, 2, 2)),
            layers.Conv3D(8, (2, 3, 3), activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling3D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def data(rng):
    return rng.normal(size=(6, 6, 12, 12, 1)), rng.integers(0, 3, 6)


def compiled(model):
    model.compile(optimizer="adamax", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
