"""Dense blocks: each layer sees what all before it made; transitions halve the channels and the picture."""

import keras
import numpy as np
from keras import layers, regularizers


def step(x, growth):
    y = layers.BatchNormalization()(x)
    y = layers.Activation("relu")(y)
    y = layers.Conv2D(growth, 3, padding="same", use_bias=False, kernel_regularizer=regularizers.L2(1e-3))(y)
    return layers.Concatenate()([x, y])


def build():
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    for _ in range(2):
        for _ in range(3):
            x = step(x, 4)
        x = layers.Conv2D(x.shape[-1] // 2, 1)(x)
        x = layers.AveragePooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(4, activation="softmax")(x))


def data(rng):
    return rng.normal(size=(8, 16, 16, 3)), rng.integers(0, 4, 8)


def compiled(model):
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy")
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
