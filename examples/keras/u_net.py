"""A small U-Net: what is seen at each size is kept for the way back up; a class for each pixel."""

import keras
import numpy as np
from keras import layers


def double(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


def build():
    inputs = keras.Input((16, 16, 1))
    first = double(inputs, 4)
    second = double(layers.MaxPooling2D()(first), 8)
    x = double(layers.MaxPooling2D()(second), 16)
    x = layers.Conv2DTranspose(8, 2, strides=2, padding="same")(x)
    x = double(layers.concatenate([x, second]), 8)
    x = layers.UpSampling2D()(x)
    x = double(layers.concatenate([x, first]), 4)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


def data(rng):
    x = rng.normal(size=(4, 16, 16, 1))
    return x, (x > 0.5).astype("float32")


def compiled(model):
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
