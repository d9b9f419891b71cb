"""A GPU beside PyTorch on the same GPU: training steps and predictions, and the accuracy of training there.

Needs a build with CUDA and a device; the ratios need PyTorch with CUDA, too, and the accuracies the data that
precision.py names. Both take turns in one process. cnnfast's samples come from the host's memory, as `fit`
and `predict` have them; PyTorch's lie on the device.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from bench.compare import known, networks
from bench.compare.engines import with_cnnfast
from bench.gates import Effort, Verdict, precision

import cnnfast

# Network, batch, how many times faster than the fastest of PyTorch's forms a training step has to be.
STEPS = (("mnist_cnn", 128, 2.0), ("cifar_cnn", 128, 1.5), ("resnet20", 128, 1.1))
KNOWN, KNOWN_BAR = "ResNet50", 0.9
PREDICTED_BATCH, TRAINED_BATCH = 32, 64
SAMPLES = 1024  # on which networks are trained in either place
LOSS_BAR = 1e-3  # of the losses of the first epoch, relative
BATCHES = 20  # of a turn, so that a turn's ends do not count

Steps = Callable[[], float]  # runs some batches; returns the seconds of one


def run(effort: Effort) -> Iterator[Verdict]:
    """A line for each bar; n/a where there is no device, or no PyTorch that has it."""
    for line, bar, measured in _lines():
        if not fnmatch(line, effort.only):
            continue
        if len(cnnfast.devices()) == 1:
            missing = "not measured: this build has no CUDA, or this machine no device that it can use"
            yield Verdict(line, missing, bar, None)
            continue
        cnnfast.set_device("cuda")
        try:
            yield measured(line, bar, effort)
        finally:
            cnnfast.set_device("cpu")


def _lines() -> Iterator[tuple[str, str, Callable[[str, str, Effort], Verdict]]]:
    for name, batch, ratio in STEPS:
        yield f"GPU, losses of {name} as the CPU's", f"differ by <= {LOSS_BAR}", _losses_of(name)
        yield f"GPU, training step of {name}, batch {batch}", f">= {ratio}", _step_of(name, batch, ratio)
    for trained in precision.TRAINED:
        yield f"GPU, accuracy of {trained[0]} and the CPU's", "noise of the seeds", _accuracies_of(*trained)
    yield f"GPU, {KNOWN}, batch {PREDICTED_BATCH} predicted", f">= {KNOWN_BAR}", _predicted
    yield f"GPU, {KNOWN}, training step of batch {TRAINED_BATCH}", f">= {KNOWN_BAR}", _trained


def _losses_of(name: str) -> Callable[[str, str, Effort], Verdict]:
    def measured(line: str, bar: str, effort: Effort) -> Verdict:
        here, there = (_first_loss(name, device, effort.samples or SAMPLES) for device in ("cpu", "cuda"))
        apart = abs(there - here) / abs(here)
        return Verdict(line, f"{here:.5g} and {there:.5g}, {apart:.1e} apart", bar, apart <= LOSS_BAR)

    return measured


def _first_loss(name: str, device: str, samples: int) -> float:
    network = networks.load(name)
    x, y = networks.samples(network, samples, 1)
    cnnfast.set_random_seed(1)
    model, x = with_cnnfast.build(network, networks.he_weights(network, 1), x)
    model.to(device).compile(with_cnnfast.optimizer(network), with_cnnfast.loss())
    return float(model.fit(x, y, batch_size=128, verbose=0).history["loss"][0])


def _accuracies_of(
    name: str, load: Callable[[], tuple[precision.Split, precision.Split]], whole: int
) -> Callable[[str, str, Effort], Verdict]:
    def measured(line: str, bar: str, effort: Effort) -> Verdict:
        (x, y), test = load()
        train, epochs = (x[: effort.samples], y[: effort.samples]), effort.epochs or whole

        def accuracies(device: str) -> list[float]:
            cnnfast.set_device(device)
            return [
                precision.accuracy(name, train, test, epochs, "default", seed) for seed in precision.SEEDS
            ]

        trained = f"{epochs} epochs of {len(train[0])} samples"
        return precision.compared(line, accuracies("cuda"), accuracies("cpu"), trained)

    return measured


def _step_of(name: str, batch: int, ratio: float) -> Callable[[str, str, Effort], Verdict]:
    def measured(line: str, bar: str, effort: Effort) -> Verdict:
        network = networks.load(name)
        weights = networks.he_weights(network, 1)
        x, y = networks.samples(network, batch, 1)
        model, ours = with_cnnfast.build(network, weights, x)
        model.compile(with_cnnfast.optimizer(network), with_cnnfast.loss())
        with_torch = _torch()
        theirs = {} if with_torch is None else with_torch.trainers(network, weights, x, y)
        return _verdict(line, bar, ratio, _fitting(model, ours, y), theirs, effort)

    return measured


def _predicted(line: str, bar: str, effort: Effort) -> Verdict:
    return _of_known(line, bar, effort, PREDICTED_BATCH, False)


def _trained(line: str, bar: str, effort: Effort) -> Verdict:
    return _of_known(line, bar, effort, TRAINED_BATCH, True)


def _of_known(line: str, bar: str, effort: Effort, batch: int, trains: bool) -> Verdict:
    x, y = known.samples(KNOWN, batch)
    with_torch, theirs = _torch(), {}
    if with_torch is None:
        model = cnnfast.applications.ResNet50(input_shape=(224, 224, 3), classifier_activation=None)
        ours = networks.channels_last_samples(x)
    else:
        with tempfile.TemporaryDirectory() as folder:
            known.write(Path(folder), KNOWN)
            weights = Path(folder) / f"{KNOWN}.safetensors"
            model, ours = with_cnnfast.known_model(KNOWN, weights, x)
            if trains:
                theirs = with_torch.known_trainers(KNOWN, weights, x, y)
            else:
                theirs = with_torch.known_predictors(KNOWN, weights, x)
    if not trains:
        return _verdict(line, bar, KNOWN_BAR, _predicting(model, ours), theirs, effort)
    model.compile(cnnfast.optimizers.SGD(1e-3, momentum=0.9), with_cnnfast.loss())
    return _verdict(line, bar, KNOWN_BAR, _fitting(model, ours, y), theirs, effort)


def _torch() -> Any:
    """What runs PyTorch's forms; None where it or its CUDA is not there."""
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    from bench.gates import cuda_torch

    return cuda_torch


def _fitting(model: Any, x: Any, y: Any) -> Steps:
    xs, ys = np.concatenate([x] * BATCHES), np.concatenate([y] * BATCHES)

    def steps() -> float:
        begin = time.perf_counter()
        model.fit(xs, ys, batch_size=len(x), shuffle=False, verbose=0)
        return (time.perf_counter() - begin) / BATCHES

    return steps


def _predicting(model: Any, x: Any) -> Steps:
    xs = np.concatenate([x] * BATCHES)

    def steps() -> float:
        begin = time.perf_counter()
        model.predict(xs, batch_size=len(x), verbose=0)
        return (time.perf_counter() - begin) / BATCHES

    return steps


def _verdict(
    line: str, bar: str, ratio: float, ours: Steps, theirs: dict[str, Steps], effort: Effort
) -> Verdict:
    turns: dict[str, list[float]] = {name: [] for name in ("cnnfast", *theirs)}
    for round_ in range(effort.rounds + 1):
        for name, steps in {"cnnfast": ours, **theirs}.items():
            seconds = steps()
            if round_ > 0:  # the first one plans, compiles and tunes
                turns[name].append(seconds)
    times = {name: median(seconds) for name, seconds in turns.items()}
    told = ", ".join(f"{name} {1e6 * seconds:.4g} us" for name, seconds in times.items())
    if not theirs:
        return Verdict(line, f"{told}; PyTorch with CUDA is not installed", bar, None)
    reached = min(seconds for name, seconds in times.items() if name != "cnnfast") / times["cnnfast"]
    return Verdict(line, f"{reached:.2f}; {told}", bar, reached >= ratio)
