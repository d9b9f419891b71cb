"""Penalties on weights and on what layers make, and weights held within bounds."""

import keras
import numpy as np
from keras import constraints, layers, regularizers


def build():
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(
                8,
                3,
                activation="relu",
                kernel_regularizer=regularizers.L1L2(1e-3, 1e-2),
                bias_regularizer="l2",
                kernel_constraint=constraints.MaxNorm(0.8, axis=(0, 1, 2)),
            ),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(
                16,
                activation="tanh",
                activity_regularizer=regularizers.L2(1e-2),
                kernel_constraint=constraints.UnitNorm(),
                bias_constraint="non_neg",
            ),
            layers.Dense(3, kernel_regularizer=lambda kernel: 1e-2 * keras.ops.sum(kernel**4)),
        ]
    )


def data(rng):
    return rng.normal(size=(16, 12, 12, 1)), rng.integers(0, 3, 16)


def compiled(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.5), loss=loss)
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
