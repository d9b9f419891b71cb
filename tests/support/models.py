"""Small compiled models through the public face, and data for them."""

from typing import Any

import numpy as np

import cnnfast
from cnnfast import layers


def images(samples: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ten by nine pixels, two channels, four classes told by the brightest quarter."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, samples)
    x = rng.normal(size=(samples, 10, 9, 2)).astype(np.float32) * 0.5
    for k in range(samples):
        top, left = 5 * (y[k] // 2), 5 * (y[k] % 2)
        x[k, top : top + 5, left : left + 4] += 1
    return x, y


def small_model(seed: int = 1, dropout: float = 0.2, **compile_arguments: Any) -> "cnnfast.Sequential":
    """A compiled convolutional classifier of `images`."""
    cnnfast.set_random_seed(seed)
    model = cnnfast.Sequential(
        [
            cnnfast.Input((10, 9, 2)),
            layers.Conv2D(6, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Dropout(dropout, name="dropout"),
            layers.Flatten(name="flatten"),
            layers.Dense(4, activation="softmax", name="head"),
        ]
    )
    arguments = {"loss": "sparse_categorical_crossentropy", "optimizer": "adam", "metrics": ["accuracy"]}
    model.compile(**{**arguments, **compile_arguments})
    return model


def same_bits(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    """Whether two lists of arrays are equal bit for bit."""
    return [(w.shape, w.tobytes()) for w in a] == [(w.shape, w.tobytes()) for w in b]
