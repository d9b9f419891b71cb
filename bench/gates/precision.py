"""What the precision class costs in accuracy: networks trained in "default" against "exact", three seeds.

Needs MNIST and, as `$CNNFAST_DATA/cifar10-jpeg/cifar10.tar.xz`, CIFAR-10 as JPEG files in train/CLASS and
test/CLASS, and Pillow.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, variance

import numpy as np
from bench.compare import networks
from bench.compare.engines import with_cnnfast
from bench.gates import Verdict
from numpy.typing import NDArray
from PIL import Image

import cnnfast
from cnnfast import optimizers
from cnnfast.config import Precision
from cnnfast.datasets import mnist

SEEDS = (0, 1, 2)
BATCH = 128
# Two standard errors of the difference of two means: what chance alone does in 19 of 20 runs.
STANDARD_ERRORS = 2.0

Split = tuple[NDArray[np.float32], NDArray[np.int32]]


@dataclass(frozen=True)
class Task:
    """A network of bench/shapes, its data (channels first, 0 to 1) and how long it trains."""

    network: str
    data: Callable[[], tuple[Split, Split]]
    epochs: int


def run() -> Iterator[Verdict]:
    """The mean test accuracies of both classes, and whether they differ by more than their noise."""
    for task in (Task("mnist_cnn", _mnist, 3), Task("cifar_cnn", _cifar, 6)):
        train, test = task.data()
        default = [_accuracy(task, train, test, "default", seed) for seed in SEEDS]
        exact = [_accuracy(task, train, test, "exact", seed) for seed in SEEDS]
        noise = STANDARD_ERRORS * ((variance(default) + variance(exact)) / len(SEEDS)) ** 0.5
        difference = abs(mean(default) - mean(exact))
        yield Verdict(
            f"{task.network}, {task.epochs} epochs, mean test accuracy of seeds {SEEDS}, default and exact",
            f"{mean(default):.2f} % and {mean(exact):.2f} % ({_each(default)} and {_each(exact)})",
            f"differ by <= {noise:.2f}",
            difference <= noise,
        )


def _each(accuracies: list[float]) -> str:
    return ", ".join(f"{accuracy:.2f}" for accuracy in accuracies)


def _accuracy(task: Task, train: Split, test: Split, precision: Precision, seed: int) -> float:
    before = cnnfast.get_precision()
    cnnfast.set_precision(precision)
    cnnfast.set_random_seed(seed)
    network = networks.load(task.network)
    weights = networks.he_weights(network, seed)
    model, x_train = with_cnnfast.build(network, weights, train[0])
    _, x_test = with_cnnfast.build(network, weights, test[0])
    model.compile(optimizer=optimizers.Adam(), loss=with_cnnfast.loss(), metrics=["accuracy"])
    model.fit(x_train, train[1], batch_size=BATCH, epochs=task.epochs, verbose=0)
    accuracy = model.evaluate(x_test, test[1], verbose=0, return_dict=True)["accuracy"]
    cnnfast.set_precision(before)
    return 100 * float(accuracy)


def _mnist() -> tuple[Split, Split]:
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    return (
        (_scaled(x_train[:, None]), y_train.astype(np.int32)),
        (_scaled(x_test[:, None]), y_test.astype(np.int32)),
    )


def _cifar() -> tuple[Split, Split]:
    path = Path(os.environ.get("CNNFAST_DATA", "data")) / "cifar10-jpeg" / "cifar10.tar.xz"
    images: dict[str, list[NDArray[np.uint8]]] = {"train": [], "test": []}
    classes: dict[str, list[str]] = {"train": [], "test": []}
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                half, name, _ = member.name.split("/")
                images[half].append(np.asarray(Image.open(file)))
                classes[half].append(name)
    numbers = {name: number for number, name in enumerate(sorted(set(classes["train"])))}
    train, test = (
        (
            _scaled(np.stack(images[half]).transpose(0, 3, 1, 2)),
            np.array([numbers[each] for each in classes[half]], np.int32),
        )
        for half in ("train", "test")
    )
    return train, test


def _scaled(x: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(x, np.float32) / np.float32(255)
