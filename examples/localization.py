"""Finds the shape in a picture, and tells which it is: one network with two heads, one for each question.

python examples/localization.py
"""

import numpy as np

import cnnfast
from cnnfast import layers, optimizers

SIZE = 48
NAMES = ("disc", "square", "triangle")


def data(count, rng):
    """Pictures of a bright shape in noise; what it is, and its box: centre, width and height, as shares."""
    x = rng.normal(0.2, 0.1, (count, SIZE, SIZE, 1)).astype(np.float32)
    kinds = rng.integers(len(NAMES), size=count)
    boxes = np.empty((count, 4), np.float32)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for i, kind in enumerate(kinds):
        half = rng.uniform(5, 12)
        row, column = rng.uniform(half, SIZE - half, 2)
        down, right = (rows - row) / half, (columns - column) / half
        inside = np.maximum(abs(down), abs(right)) <= 1
        if NAMES[kind] == "disc":
            inside = down**2 + right**2 <= 1
        elif NAMES[kind] == "triangle":
            inside &= abs(right) <= (1 + down) / 2
        x[i, inside, 0] += rng.uniform(0.4, 0.8)
        boxes[i] = column / SIZE, row / SIZE, 2 * half / SIZE, 2 * half / SIZE
    return x, {"kind": kinds, "box": boxes}


def build():
    inputs = x = cnnfast.Input((SIZE, SIZE, 1))
    for filters in (16, 32, 64):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    kind = layers.Dense(len(NAMES), activation="softmax", name="kind")(x)
    box = layers.Dense(4, activation="sigmoid", name="box")(x)
    return cnnfast.Model(inputs, {"kind": kind, "box": box})


def overlap(one, other):
    """How much of two boxes' union is in both, from 0 to 1, for each pair of rows."""
    sides = [
        np.minimum(one[:, i] + one[:, i + 2] / 2, other[:, i] + other[:, i + 2] / 2)
        - np.maximum(one[:, i] - one[:, i + 2] / 2, other[:, i] - other[:, i + 2] / 2)
        for i in (0, 1)
    ]
    both = np.maximum(sides[0], 0) * np.maximum(sides[1], 0)
    return both / (one[:, 2] * one[:, 3] + other[:, 2] * other[:, 3] - both)


def main(count=6000, epochs=12):
    """Returns the share of kinds that are right, and how much boxes overlap the true ones."""
    cnnfast.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = data(count, rng)
    x_test, y_test = data(1000, rng)
    model = build()
    model.compile(
        optimizers.Adam(1e-3),
        loss={"kind": "sparse_categorical_crossentropy", "box": "huber"},
        loss_weights={"kind": 1, "box": 50},  # the boxes' errors are small numbers
        metrics={"kind": "accuracy", "box": "mae"},
    )
    model.fit(x, y, batch_size=64, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    told = model.predict(x_test, verbose=0)
    right = float((told["kind"].argmax(axis=1) == y_test["kind"]).mean())
    share = float(overlap(told["box"], y_test["box"]).mean())
    print(f"{right:.1%} of the shapes are named right; boxes overlap the true ones by {share:.1%}")
    return right, share


if __name__ == "__main__":
    main()
