"""The digits' first network: two convolutions, two poolings, a dense layer."""

import keras
import numpy as np
from keras import layers


def build():
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(8, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(16, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def data(rng):
    x = rng.random((32, 28, 28, 1))
    return x, keras.utils.to_categorical(rng.integers(0, 10, 32), 10)


def compiled(model):
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    model = compiled(build())
    model.summary()
    model.fit(*data(np.random.default_rng(0)), batch_size=16, epochs=2)
