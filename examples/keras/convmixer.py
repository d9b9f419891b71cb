"""Patches of a picture, mixed over places by wide depthwise convolutions and over channels by points."""

import keras
import numpy as np
from keras import layers


def mix(x, kernel_size):
    y = layers.DepthwiseConv2D(kernel_size, padding="same")(x)
    y = layers.BatchNormalization()(layers.Activation("gelu")(y))
    x = layers.Add()([y, x])
    x = layers.Conv2D(x.shape[-1], 1)(x)
    return layers.BatchNormalization()(layers.Activation("gelu")(x))


def build():
    inputs = keras.Input((24, 24, 3))
    x = layers.Rescaling(scale=1.0 / 255)(inputs)
    x = layers.Conv2D(8, kernel_size=3, strides=3)(x)
    for _ in range(2):
        x = mix(x, 5)
    x = layers.GlobalAvgPool2D()(x)
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


def data(rng):
    return rng.integers(0, 256, (8, 24, 24, 3)).astype("float32"), rng.integers(0, 5, 8)


def compiled(model):
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate=1e-3, weight_decay=1e-4),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(3)],
    )
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
