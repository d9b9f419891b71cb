"""Several labels for one picture: a sigmoid each, smoothed labels, a rate that falls, averaged weights."""

import keras
import numpy as np
from keras import layers


def build():
    return keras.Sequential(
        [
            keras.Input((14, 14, 3)),
            layers.Conv2D(8, 3, strides=2, activation="leaky_relu"),
            layers.GroupNormalization(groups=4),
            layers.Conv2D(8, 3, activation="swish"),
            layers.Flatten(),
            layers.Dense(6),
        ]
    )


def data(rng):
    return rng.normal(size=(12, 14, 14, 3)), rng.integers(0, 2, (12, 6)).astype("float32")


def compiled(model):
    rate = keras.optimizers.schedules.CosineDecay(
        1e-3, decay_steps=20, alpha=0.1, warmup_target=1e-2, warmup_steps=5
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=0.01, use_ema=True, ema_momentum=0.9),
        loss=keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
    )
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
