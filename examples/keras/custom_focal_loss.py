"""A focal loss as a plain function of ops: samples that are told well already count little."""

import keras
import numpy as np
from keras import layers, ops


def focal_loss(y_true, y_pred, gamma=2.0, alpha=0.25):
    y_pred = ops.clip(y_pred, keras.config.epsilon(), 1.0 - keras.config.epsilon())
    losses = -y_true * ops.log(y_pred)
    weights = alpha * ops.power(1.0 - y_pred, gamma)
    return ops.sum(weights * losses, axis=-1)


def build():
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="elu"),
            layers.Dense(5, activation="softmax"),
        ]
    )


def data(rng):
    return rng.normal(size=(16, 12, 12, 1)), keras.utils.to_categorical(rng.integers(0, 5, 16), 5)


def compiled(model):
    model.compile(optimizer=keras.optimizers.RMSprop(1e-3), loss=focal_loss)
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
