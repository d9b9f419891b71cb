"""Tells for each pixel whether it is of a disc, a square or neither, with a small U-Net.

python examples/segmentation.py
"""

import numpy as np

import cnnfast
from cnnfast import applications, metrics, optimizers

SIZE = 48
CLASSES = ("background", "disc", "square")


def data(count, rng):
    """Pictures of one to four shapes in noise, of any brightness; a class for each pixel."""
    x = rng.normal(0.3, 0.1, (count, SIZE, SIZE, 1)).astype(np.float32)
    y = np.zeros((count, SIZE, SIZE), np.int32)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for i in range(count):
        for _ in range(rng.integers(1, 5)):
            half, kind = rng.uniform(4, 10), rng.integers(1, len(CLASSES))
            row, column = rng.uniform(half, SIZE - half, 2)
            down, right = abs(rows - row) / half, abs(columns - column) / half
            inside = down**2 + right**2 <= 1 if CLASSES[kind] == "disc" else np.maximum(down, right) <= 1
            x[i, inside, 0] = rng.normal(rng.uniform(0.6, 1), 0.1, inside.sum())
            y[i, inside] = kind
    return x, y


def build():
    return applications.UNet(filters=8, depth=3, input_shape=(SIZE, SIZE, 1), classes=len(CLASSES))


def main(count=1500, epochs=10):
    """Returns the mean share of the union of told and true pixels that both have."""
    cnnfast.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = data(count, rng)
    x_test, y_test = data(200, rng)
    model = build()
    overlap = metrics.MeanIoU(num_classes=len(CLASSES), sparse_y_pred=False, name="overlap")
    model.compile(optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy", overlap])
    model.fit(x, y, batch_size=32, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    share = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["overlap"]
    print(f"Told and true shapes overlap by {share:.1%}")
    return share


if __name__ == "__main__":
    main()
