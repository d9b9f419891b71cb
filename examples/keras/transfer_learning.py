"""A frozen trunk under a new head."""

import keras
import numpy as np
from keras import layers


def trunk():
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
        ],
        name="trunk",
    )


def build():
    base = trunk()
    base.trainable = False
    inputs = keras.Input((12, 12, 3))
    x = base(inputs, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1)(x))


def data(rng):
    return rng.normal(size=(16, 12, 12, 3)), rng.integers(0, 2, (16, 1))


def compiled(model):
    model.compile(
        optimizer=keras.optimizers.Adam(1e-2),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
    )
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
