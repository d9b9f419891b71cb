"""A metric of one's own with state, and a function as another: how many of the positives were found."""

import keras
import numpy as np
from keras import layers, ops


class Found(keras.metrics.Metric):
    def __init__(self, threshold=0.5, name="found", **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.hits = self.add_weight(name="hits", initializer="zeros")
        self.positives = self.add_weight(name="positives", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        told = ops.cast(y_pred > self.threshold, "float32")
        self.hits.assign_add(ops.sum(told * y_true))
        self.positives.assign_add(ops.sum(y_true))

    def result(self):
        return self.hits / (self.positives + 1e-7)

    def reset_state(self):
        self.hits.assign(0.0)
        self.positives.assign(0.0)


def mean_prediction(y_true, y_pred):
    return ops.mean(y_pred)


def build():
    return keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            layers.Conv2D(4, 3, activation="silu"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def data(rng):
    x = rng.normal(size=(32, 10, 10, 1)).astype("float32")
    return x, (x.mean(axis=(1, 2)) > 0).astype("float32")


def compiled(model):
    model.compile(
        optimizer=keras.optimizers.Adagrad(0.05),
        loss="binary_crossentropy",
        metrics=[Found(), mean_prediction, keras.metrics.AUC()],
    )
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
