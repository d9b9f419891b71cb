"""Branches of several kernel sizes side by side, and a second classifier halfway."""

import keras
import numpy as np
from keras import layers


def inception(x, filters):
    point = layers.Conv2D(filters, 1, activation="relu")(x)
    three = layers.Conv2D(filters, 1, activation="relu")(x)
    three = layers.Conv2D(filters, (3, 3), padding="same", activation="relu")(three)
    five = layers.Conv2D(filters, 1, activation="relu")(x)
    five = layers.Conv2D(filters, (5, 5), padding="same", activation="relu")(five)
    pool = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    pool = layers.Conv2D(filters, 1, activation="relu")(pool)
    return layers.concatenate([point, three, five, pool], axis=-1)


def build():
    inputs = keras.Input((16, 16, 3), name="picture")
    x = inception(inputs, 4)
    halfway = layers.GlobalAveragePooling2D()(x)
    halfway = layers.Dense(3, activation="softmax", name="halfway")(halfway)
    x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
    x = inception(x, 4)
    x = layers.GlobalMaxPooling2D()(x)
    end = layers.Dense(3, activation="softmax", name="end")(x)
    return keras.Model(inputs, [end, halfway])


def data(rng):
    y = keras.utils.to_categorical(rng.integers(0, 3, 8), 3)
    return rng.normal(size=(8, 16, 16, 3)), [y, y]


def compiled(model):
    model.compile(
        optimizer=keras.optimizers.SGD(0.02, momentum=0.9),
        loss=["categorical_crossentropy", "categorical_crossentropy"],
        loss_weights=[1.0, 0.3],
    )
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
