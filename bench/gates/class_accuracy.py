"""MNIST CNN and CIFAR CNN trained in the default and in the exact class of precision: as good within noise.

Noise is the sampling error of the test images, sqrt(p (1 - p) / n) for an accuracy p on n of them. CIFAR-10
is the copy in `$CNNFAST_DATA/cifar10-jpeg`, as JPEG files.
"""

from __future__ import annotations

import io
import math
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from bench.compare import networks
from bench.compare.engines import with_cnnfast
from bench.gates import Verdict
from bench.gates.kernel_bars import ACCURACY_SEEDS, ACCURACY_STANDARD_ERRORS
from numpy.typing import NDArray

import cnnfast
from cnnfast.config import Precision
from cnnfast.datasets import mnist

EPOCHS = {"mnist_cnn": 4, "cifar_cnn": 8}
BATCH = 128
CIFAR = Path("cifar10-jpeg") / "cifar10.tar.xz"

# Training images and labels, test images and labels; images channels first, in [0, 1].
Data = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def run(epochs: Mapping[str, int]) -> Iterator[Verdict]:
    """The mean test accuracies of both classes, for each network."""
    for name, count in epochs.items():
        what = (
            f"{name}, {count} epoch(s), accuracy in the default and the exact class, seeds {ACCURACY_SEEDS}"
        )
        data = _mnist() if name == "mnist_cnn" else _cifar()
        if data is None:
            yield Verdict(what, f"needs {CIFAR} in $CNNFAST_DATA", "both trained", False)
            continue
        default, exact = ([_train(name, data, p, s, count) for s in ACCURACY_SEEDS] for p in _CLASSES)
        accuracy = mean(exact)
        noise = math.sqrt(accuracy * (1 - accuracy) / len(data[2]))
        bar = ACCURACY_STANDARD_ERRORS * noise
        difference = mean(default) - accuracy
        yield Verdict(
            what,
            f"{mean(default):.2%} and {accuracy:.2%} ({_each(default)}; {_each(exact)})",
            f"no further apart than {bar:.2%}, {ACCURACY_STANDARD_ERRORS:.0f} standard errors",
            abs(difference) <= bar,
        )


_CLASSES: tuple[Precision, Precision] = ("default", "exact")


def _each(accuracies: list[float]) -> str:
    return ", ".join(f"{a:.2%}" for a in accuracies)


def _train(name: str, data: Data, precision: Precision, seed: int, epochs: int) -> float:
    x_train, y_train, x_test, y_test = data
    before = cnnfast.get_precision()
    cnnfast.set_precision(precision)
    cnnfast.set_random_seed(seed)
    net = networks.load(name)
    model, x = with_cnnfast.build(net, networks.he_weights(net, seed), x_train)
    last = net.data_format == "channels_last"
    model.compile(optimizer=with_cnnfast.optimizer(net), loss=with_cnnfast.loss(), metrics=["accuracy"])
    model.fit(x, y_train, batch_size=BATCH, epochs=epochs, verbose=0)
    seen = networks.channels_last_samples(x_test) if last else x_test
    _, accuracy = model.evaluate(seen, y_test, verbose=0)
    cnnfast.set_precision(before)
    return float(accuracy)


def _mnist() -> Data:
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    return (
        _scaled(x_train[:, None]),
        y_train.astype(np.int32),
        _scaled(x_test[:, None]),
        y_test.astype(np.int32),
    )


def _cifar() -> Data | None:
    from PIL import Image  # of the extra viz; its import is not every gate's

    path = Path(os.environ.get("CNNFAST_DATA", ".")) / CIFAR
    if not path.is_file():
        return None
    images: dict[str, list[NDArray[Any]]] = {"train": [], "test": []}
    names: dict[str, list[str]] = {"train": [], "test": []}
    with tarfile.open(path) as archive:
        for member in archive:
            if (file := archive.extractfile(member)) is None:
                continue
            *_, split, name, _ = Path(member.name).parts
            images[split].append(np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB")))
            names[split].append(name)
    order = np.random.default_rng(0).permutation(len(images["train"]))  # they come class by class
    x, y = {}, {}
    for split in images:
        x[split] = _scaled(np.stack(images[split]).transpose(0, 3, 1, 2))
        y[split] = np.unique(names[split], return_inverse=True)[1].astype(np.int32)
    return x["train"][order], y["train"][order], x["test"], y["test"]


def _scaled(images: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(images, np.float32) / 255
