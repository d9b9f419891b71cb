"""The course's network learns digits: one epoch on part of MNIST. The full accuracy gates are run by CI."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import cnnfast
from cnnfast import layers

pytestmark = pytest.mark.mnist


def test_course_cnn_learns_digits(data_folder: Callable[[str], Path]) -> None:
    data_folder("mnist")
    (x, y), (x_test, y_test) = cnnfast.datasets.mnist.load_data()
    cnnfast.set_random_seed(7)
    model = cnnfast.Sequential(
        [
            cnnfast.Input((28, 28, 1)),
            layers.Conv2D(30, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(15, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(50, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    pixels = x[:12000, ..., None] / np.float32(255)
    history = model.fit(pixels, y[:12000], batch_size=64, validation_split=0.1, verbose=0)
    assert history.history["val_accuracy"][0] > 0.93
    test = x_test[:2000, ..., None] / np.float32(255)
    assert model.evaluate(test, y_test[:2000], verbose=0)[1] > 0.91
    # The first digits of the test set are 7, 2, 1, 0, 4.
    assert model.predict(test[:5], verbose=0).argmax(1).tolist() == [7, 2, 1, 0, 4]
