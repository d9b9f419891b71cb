"""A picture and some numbers in, a class and a price out; a loss and a weight for each."""

import keras
import numpy as np
from keras import layers


def build():
    picture = keras.Input((10, 10, 1), name="picture")
    numbers = keras.Input((4,), name="numbers")
    x = layers.Conv2D(4, 3, activation="relu")(picture)
    x = layers.Flatten()(x)
    y = layers.Dense(8, activation="tanh")(numbers)
    both = layers.Concatenate()([x, y])
    kind = layers.Dense(3, activation="softmax", name="kind")(both)
    price = layers.Dense(1, name="price")(both)
    return keras.Model(inputs=[picture, numbers], outputs=[kind, price])


def data(rng):
    x = [rng.normal(size=(16, 10, 10, 1)), rng.normal(size=(16, 4))]
    return x, [rng.integers(0, 3, 16), rng.normal(size=(16, 1))]


def compiled(model):
    model.compile(
        optimizer="adam",
        loss=["sparse_categorical_crossentropy", "mse"],
        loss_weights=[1.0, 0.2],
        metrics=[["accuracy"], ["mae"]],
    )
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
