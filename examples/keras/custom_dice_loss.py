"""Segmentation with a loss class of one's own: how little two masks overlap, with cross-entropy beside it."""

import keras
import numpy as np
from keras import layers, ops


class DiceAndCrossentropy(keras.losses.Loss):
    def __init__(self, smooth=1.0, name="dice_and_crossentropy"):
        super().__init__(name=name)
        self.smooth = smooth

    def call(self, y_true, y_pred):
        axes = (1, 2, 3)
        overlap = ops.sum(y_true * y_pred, axis=axes)
        total = ops.sum(y_true, axis=axes) + ops.sum(y_pred, axis=axes)
        dice = 1.0 - (2.0 * overlap + self.smooth) / (total + self.smooth)
        crossentropy = ops.mean(ops.binary_crossentropy(y_true, y_pred), axis=axes)
        return dice + crossentropy


def build():
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


def data(rng):
    x = rng.normal(size=(6, 16, 16, 3)).astype("float32")
    return x, (x.sum(-1, keepdims=True) > 0).astype("float32")


def compiled(model):
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss=DiceAndCrossentropy())
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
