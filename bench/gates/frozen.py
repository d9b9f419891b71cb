"""Training behind a frozen trunk, with the trunk's activations kept and without: time and bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from bench.gates import Verdict
from numpy.typing import NDArray

import cnnfast
from cnnfast import Input, Sequential, layers

SIDE, SAMPLES, EPOCHS, CLASSES = 96, 1024, 5, 10
TURNS = 3  # the fastest counts: a neighbour only adds
# MobileNet's blocks at a quarter of its width: filters and stride of each.
BLOCKS = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *((128, 1),) * 5, (256, 2), (256, 1))
BAR = 4.0


def run() -> Iterator[Verdict]:
    """Five epochs of a new head; one thread, as the trunk alone would fill several."""
    threads = cnnfast.get_num_threads()
    cnnfast.set_num_threads(1)
    try:
        turns = [(_train(True), _train(False)) for _ in range(TURNS)]
    finally:
        cnnfast.set_num_threads(threads)
    (_, kept_weights), (_, weights) = turns[0]
    same = all(np.array_equal(a, b) for a, b in zip(kept_weights, weights, strict=True))
    kept, anew = (min(turn[at][0] for turn in turns) for at in (0, 1))
    ratio = anew / kept
    yield Verdict(
        f"frozen MobileNet-like trunk on {SIDE} x {SIDE}, {EPOCHS} epochs, activations kept, one thread",
        f"{ratio:.2f} times as fast, {kept:.2f} s for {anew:.2f} s; {'same' if same else 'other'} bytes",
        f">= {BAR:g}, same bytes",
        same and ratio >= BAR,
    )


def _train(cache: bool) -> tuple[float, list[NDArray[np.float32]]]:
    cnnfast.set_random_seed(1)
    trunk = Sequential([Input((SIDE, SIDE, 3)), *_block(8, 2)])
    for filters, stride in BLOCKS:
        trunk.add(layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False))
        trunk.add(layers.BatchNormalization())
        trunk.add(layers.ReLU(6.0))
        for layer in _block(filters, 1, 1):
            trunk.add(layer)
    trunk.trainable = False
    head = [layers.GlobalAveragePooling2D(), layers.Dense(64, activation="relu")]
    model = Sequential([trunk, *head, layers.Dense(CLASSES, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(1)
    x = rng.normal(size=(SAMPLES, SIDE, SIDE, 3)).astype(np.float32)
    y = np.arange(SAMPLES) % CLASSES
    start = time.perf_counter()
    model.fit(x, y, epochs=EPOCHS, verbose=0, cache_frozen=cache)
    return time.perf_counter() - start, model.get_weights()


def _block(filters: int, stride: int, kernel: int = 3) -> list[layers.Layer]:
    conv = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)
    return [conv, layers.BatchNormalization(), layers.ReLU(6.0)]
