"""A loss of one's own, written in `ops`, beside the built-in one: the MNIST network's training step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from bench.compare import networks
from bench.compare.engines import with_cnnfast
from bench.gates import Verdict

import cnnfast
from cnnfast import ops

BATCH = 128
TURNS, STEPS_A_TURN = 60, 5
BAR = 1.03


def focal(y_true: Any, y_pred: Any) -> Any:
    """Cross-entropy of logits and labels that counts what is known well less (Lin et al. 2017)."""
    log_p = ops.sum(ops.one_hot(y_true, 10) * ops.log_softmax(y_pred), axis=-1)
    return -((1 - ops.exp(log_p)) ** 2) * log_p


def run() -> Iterator[Verdict]:
    """The median step with the focal loss over that with cross-entropy, turns interleaved, one thread."""
    threads = cnnfast.get_num_threads()
    cnnfast.set_num_threads(1)
    try:
        own, built_in = _medians(focal, with_cnnfast.loss())
    finally:
        cnnfast.set_num_threads(threads)
    ratio = own / built_in
    yield Verdict(
        "focal loss written in ops / built-in cross-entropy, MNIST CNN step, one thread",
        f"{ratio:.3f}; {own * 1e3:.2f} and {built_in * 1e3:.2f} ms",
        f"<= {BAR}",
        ratio <= BAR,
    )


def _medians(*losses: Any) -> list[float]:
    net = networks.load("mnist_cnn")
    x, y = networks.samples(net, BATCH, seed=2)
    models = []
    for loss in losses:
        model, samples = with_cnnfast.build(net, networks.he_weights(net, seed=1), x)
        model.compile(optimizer=with_cnnfast.optimizer(net), loss=loss)
        models.append(model)
    times: list[list[float]] = [[] for _ in models]
    for turn in range(TURNS):
        for i in (0, 1) if turn % 2 else (1, 0):
            models[i].train_on_batch(samples, y)  # after the other's turn
            for _ in range(STEPS_A_TURN):
                start = time.perf_counter()
                models[i].train_on_batch(samples, y)
                times[i].append(time.perf_counter() - start)
    return [median(each) for each in times]
