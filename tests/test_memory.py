"""Memory: told exactly in advance, bounded over changing batch sizes, constant over steps."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.machine import resident_bytes
from support.nets import mlp, residual_cnn, small_cnn
from support.training import data, network

import cnnfast

MEBI = 2**20


@pytest.mark.parametrize("make", [small_cnn, residual_cnn, mlp], ids=["small_cnn", "residual_cnn", "mlp"])
@pytest.mark.parametrize("batch", [1, 16, 33])
def test_told_bytes_are_taken_bytes(make: Callable[[int], Any], batch: int, isa: str) -> None:
    twin = make(batch)
    twin.network.configure("sparse_categorical_crossentropy", True, [], {"name": "sgd", "learning_rate": 0.1})
    told = {mode: twin.network.memory(batch, mode) for mode in ("predict", "train")}
    assert twin.network.arena_bytes(batch, "predict") == 0, "planning takes no memory"
    twin.network.predict(twin.x)
    assert twin.network.arena_bytes(batch, "predict") == told["predict"]
    twin.network.train_step(twin.x, np.zeros(batch, np.int32))
    assert twin.network.arena_bytes(batch, "train") == told["train"]
    packed = sum(
        step["bytes"]
        for step in twin.network.plan(batch, "predict")
        if (step["op"], step["direction"]) == ("dense", "pack weights")
    )
    assert 0 < told["predict"] - packed < told["train"], "a prediction keeps nothing but packed weights"


def test_arena_reuses_memory_of_dead_tensors() -> None:
    """A deep chain of equal layers predicts in the memory of a few of them."""
    from support.nets import NetworkBuilder

    b = NetworkBuilder((16, 16, 16))
    v = -1
    for _ in range(12):
        v = b.activation(b.conv(v, 16, (3, 3), padding="same"), "relu")
    network_, _ = b.build()
    network_.force_algorithm("conv2d", "blocked")  # Winograd's weights outweigh such small tensors
    tensor = 8 * 16 * 16 * 16 * 4
    assert network_.memory(8, "predict") < 6 * tensor


def test_model_memory_is_the_arena() -> None:
    model = cnnfast.Sequential(
        [cnnfast.Input((12, 12, 3)), cnnfast.layers.Conv2D(8, 3), cnnfast.layers.Flatten()]
    )
    model.add(cnnfast.layers.Dense(4, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="sgd")
    small, large = model.memory(4, training=True), model.memory(64, training=True)
    assert isinstance(small, int)
    assert 0 < small < large
    assert model.memory(4, training=False) < small
    assert model.memory(4) == small, "training is the default"


def test_random_batch_sizes_do_not_grow_memory() -> None:
    built, _ = network("lanes")
    x, y = data("lanes", 150)
    rng = np.random.default_rng(0)

    def some(count: int) -> None:
        for size in rng.integers(1, 150, count):
            built.predict(x[:size])
            built.train_step(x[:size], y[:size])

    some(40)
    gc.collect()
    before = resident_bytes()
    some(100)
    gc.collect()
    growth = resident_bytes() - before
    assert growth < 24 * MEBI, f"grew by {growth / MEBI:.1f} MiB over 100 random batch sizes"


def test_steps_do_not_grow_memory() -> None:
    built, _ = network("blocked")
    x, y = data("blocked", 32)
    for _ in range(10):
        built.train_step(x, y)
    before = resident_bytes()
    for _ in range(150):
        built.train_step(x, y)
        built.predict(x)
    growth = resident_bytes() - before
    assert growth < 4 * MEBI, f"grew by {growth / MEBI:.1f} MiB over 150 steps"


def test_networks_give_their_memory_back() -> None:
    def use() -> None:
        built, _ = network("mlp")
        x, y = data("mlp")
        for size in (50, 100, 200):
            built.train_step(x[:size], y[:size])

    for _ in range(10):
        use()
    gc.collect()
    before = resident_bytes()
    for _ in range(100):
        use()
    gc.collect()
    growth = resident_bytes() - before
    assert growth < 8 * MEBI, f"grew by {growth / MEBI:.1f} MiB over 100 networks"
