"""What the precision class costs in accuracy: networks trained in "default" and in "exact", three seeds each.

Needs MNIST, Pillow and, as `$CNNFAST_DATA/cifar10-jpeg/cifar10.tar.xz`, CIFAR-10 as JPEG files in
train/CLASS and test/CLASS. Noise is what the seeds of either class differ by, so fewer epochs or samples make
the bar wider, never the test blind to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from statistics import mean, variance

import numpy as np
from bench.compare import networks
from bench.compare.engines import with_cnnfast
from bench.gates import Effort, Verdict
from bench.gates.folder import cifar_folder
from numpy.typing import NDArray

import cnnfast
from cnnfast.config import Precision
from cnnfast.datasets import image_folder, mnist

SEEDS = (0, 1, 2)
BATCH = 128
# Student's t for two means of three: equal classes differ by more in one run of a hundred.
STANDARD_ERRORS = 4.6

Split = tuple[NDArray[np.float32], NDArray[np.int32]]


def run(effort: Effort) -> Iterator[Verdict]:
    """The mean test accuracies of both classes, and whether they differ by more than their noise."""
    for network, load, whole in TRAINED:
        what = f"accuracy, {network} in the default and the exact class"
        if not fnmatch(what, effort.only):
            continue
        (x, y), test = load()
        train, epochs = (x[: effort.samples], y[: effort.samples]), effort.epochs or whole
        default, exact = (
            [accuracy(network, train, test, epochs, precision, seed) for seed in SEEDS]
            for precision in _CLASSES
        )
        yield compared(what, default, exact, f"{epochs} epochs of {len(train[0])} samples")


def compared(what: str, ones: list[float], others: list[float], trained: str) -> Verdict:
    """Whether the accuracies of one kind differ from those of another by more than their noise."""
    bar = STANDARD_ERRORS * ((variance(ones) + variance(others)) / len(ones)) ** 0.5
    return Verdict(
        what,
        f"{mean(ones):.2f} % and {mean(others):.2f} %; seeds {_each(ones)} and {_each(others)}; {trained}",
        f"differ by <= {bar:.2f}",
        abs(mean(ones) - mean(others)) <= bar,
    )


_CLASSES: tuple[Precision, Precision] = ("default", "exact")


def _each(accuracies: list[float]) -> str:
    return ", ".join(f"{accuracy:.2f}" for accuracy in accuracies)


def accuracy(name: str, train: Split, test: Split, epochs: int, precision: Precision, seed: int) -> float:
    """The test accuracy in percent of a network trained where the process computes."""
    network = networks.load(name)
    weights = networks.he_weights(network, seed)
    x_test = networks.channels_last_samples(test[0]) if network.data_format == "channels_last" else test[0]
    with _class_of(precision):
        cnnfast.set_random_seed(seed)
        model, x_train = with_cnnfast.build(network, weights, train[0])
        model.compile(
            optimizer=with_cnnfast.optimizer(network), loss=with_cnnfast.loss(), metrics=["accuracy"]
        )
        model.fit(x_train, train[1], batch_size=BATCH, epochs=epochs, verbose=0)
        _, accuracy = model.evaluate(x_test, test[1], verbose=0)
    return 100 * float(accuracy)


@contextmanager
def _class_of(precision: Precision) -> Iterator[None]:
    before = cnnfast.get_precision()
    cnnfast.set_precision(precision)
    try:
        yield
    finally:
        cnnfast.set_precision(before)


def _mnist() -> tuple[Split, Split]:
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    return (
        (_scaled(x_train[:, None]), y_train.astype(np.int32)),
        (_scaled(x_test[:, None]), y_test.astype(np.int32)),
    )


def _cifar() -> tuple[Split, Split]:
    with cifar_folder() as folder:
        found = image_folder.load_data(folder, image_size=(32, 32))
    (x, y), test = ((_scaled(images.transpose(0, 3, 1, 2)), labels) for images, labels in found[:2])
    order = np.random.default_rng(0).permutation(len(x))  # they come class by class
    return (x[order], y[order]), test


def _scaled(x: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(x, np.float32) / np.float32(255)


# Networks, their data and the epochs that they need.
TRAINED: tuple[tuple[str, Callable[[], tuple[Split, Split]], int], ...] = (
    ("mnist_cnn", _mnist, 3),
    ("cifar_cnn", _cifar, 6),
)
