"""Micro-batches run depth-first: the same results as layer by layer, the same bits for any thread count."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference.geometry import Array
from reference.losses import one_hot, softmax_cross_entropy
from reference.optimizers import clip
from support.nets import NetworkBuilder, adam, get_weights, sgd
from support.training import KINDS, data, network

from cnnfast import _core

MICRO_BATCH = 16
CONVOLUTIONAL = [kind for kind in KINDS if kind != "mlp"]


def _train(kind: str, batch: int, depth_first: bool, steps: int = 5) -> tuple[Any, ...]:
    built, reference = network(kind)
    built.disable_pass("depth_first", not depth_first)
    x, y = data(kind)
    rng = np.random.default_rng(6)
    losses = [
        built.train_step(x, y, rng.choice(len(x), batch, replace=False).astype(np.int64))
        for _ in range(steps)
    ]
    evaluated = built.evaluate_step(x[:batch], y[:batch])
    predicted = built.predict(x[:batch])
    return np.array([*losses, evaluated]), predicted, *get_weights(built, len(reference.weights))


def _joins(built: "_core.Network", batch: int, mode: str) -> bool:
    return any(step["direction"] == "join of results" for step in built.plan(batch, mode))


@pytest.mark.parametrize("kind", CONVOLUTIONAL)
@pytest.mark.parametrize("batch", [2 * MICRO_BATCH, 5 * MICRO_BATCH])
def test_results_are_those_of_layer_by_layer(kind: str, batch: int, isa: str) -> None:
    """Dropout included: its mask goes by the sample's number in the batch.

    Adam turns the rounding of gradients near zero into whole steps of its rate (0.003), Winograd's most.
    """
    for got, ref in zip(_train(kind, batch, True), _train(kind, batch, False), strict=True):
        np.testing.assert_allclose(got, ref, rtol=0, atol=2e-3 * max(1.0, float(np.abs(ref).max())))


@pytest.mark.parametrize("kind", CONVOLUTIONAL)
def test_threads_do_not_change_the_bits(kind: str, threads: Callable[[int], None], isa: str) -> None:
    built, _ = network(kind)
    assert _joins(built, 5 * MICRO_BATCH, "train")
    results = []
    for count in (1, 2, 3, 7):
        threads(count)
        results.append(b"".join(part.tobytes() for part in _train(kind, 5 * MICRO_BATCH, True)))
    assert len(set(results)) == 1


@pytest.mark.parametrize(("batch", "cut"), [(15, 0), (16, 0), (17, 0), (32, 1), (33, 0), (64, 1)])
def test_whole_micro_batches_only(batch: int, cut: int) -> None:
    built, _ = network("lanes")
    assert _joins(built, batch, "train") == bool(cut)


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_samples_of_any_type_without_an_index(dtype: type) -> None:
    x, y = data("lanes")
    x = np.abs(x[:48] * 50).astype(dtype)
    results = []
    for depth_first in (True, False):
        built, _ = network("lanes")
        built.disable_pass("depth_first", not depth_first)
        results.append([*built.predict(x).ravel(), *built.train_step(x, y[:48])])
    np.testing.assert_allclose(*results, rtol=0, atol=1e-4 * max(1.0, float(np.abs(results[1]).max())))


def test_memory_is_less_and_told() -> None:
    built, _ = network("lanes")
    x, y = data("lanes")
    told = built.memory(128, "train")
    built.train_step(x, y, np.arange(128, dtype=np.int64))
    assert built.arena_bytes == told
    built.disable_pass("depth_first")
    assert told < built.memory(128, "train")


def test_many_weights_stay_whole() -> None:
    """The gradients of each micro-batch would take more memory than its activations save."""
    b = NetworkBuilder((30,), 3)
    b.dense(b.dense(b.dense(-1, 300), 300), 10)
    built, _ = b.build()
    built.configure("sparse_categorical_crossentropy", True, [], adam())
    assert not _joins(built, 4 * MICRO_BATCH, "train")


class _ClippedSGD:
    """Rate 0.2; weight 1 is frozen and weight 2 regularized."""

    def __init__(self, clipping: dict[str, float], l2: float) -> None:
        self._clipping, self._l2 = clipping, l2

    def update(self, weights: list[Array], grads: list[Array]) -> None:
        """Changes the weights in place."""
        grads[2] += 2 * self._l2 * weights[2]
        moved = [0, 2, 3]
        used = [grads[i] for i in moved]
        for kind, limit in self._clipping.items():
            used = clip(used, kind, limit)
        for i, grad in zip(moved, used, strict=True):
            weights[i] -= 0.2 * grad


@pytest.mark.parametrize(
    "clipping", [{"clipnorm": 0.2}, {"global_clipnorm": 0.3}, {"clipvalue": 0.02}, {}], ids=str
)
@pytest.mark.parametrize("l2", [0.0, 0.05])
def test_gradients_are_clipped_after_the_join(
    clipping: dict[str, float], l2: float, threads: Callable[[int], None], isa: str
) -> None:
    """Against float64; without clipping and regularizer the join itself moves the weights."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(3 * MICRO_BATCH, 13, 13, 1)).astype(np.float32)
    targets = one_hot(rng.integers(0, 5, len(x)), 5).astype(np.float32)
    bits = set()
    for count in (1, 2, 5):
        threads(count)
        b = NetworkBuilder((13, 13, 1), 3)
        b.dense(b.flatten(b.activation(b.conv(-1, 6, (3, 3)), "relu")), 5)
        built, reference = b.build()
        built.weights[1].trainable = False
        built.weights[2].set_regularizer(0.0, l2)
        built.configure("categorical_crossentropy", True, [], {**sgd(0.2), **clipping})
        assert _joins(built, len(x), "train")
        for _ in range(3):
            built.train_step(x, targets)
            reference.train_step(
                x, lambda out: softmax_cross_entropy(out, targets), _ClippedSGD(clipping, l2)
            )
        got = get_weights(built, 4)
        bits.add(b"".join(w.tobytes() for w in got))
        for weight, expected in zip(got, reference.weights, strict=True):
            np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-5)
    assert len(bits) == 1
    assert built.arena_bytes == built.memory(len(x), "train")
