"""Memory: told exactly in advance, bounded over changing batch sizes, constant over steps."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.machine import resident_bytes, run_python
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
    assert twin.network.arena_bytes == 0, "planning takes no memory"
    twin.network.predict(twin.x)
    assert twin.network.arena_bytes == told["predict"]
    twin.network.train_step(twin.x, np.zeros(batch, np.int32))
    assert twin.network.arena_bytes == max(told.values()), "programs share what the largest of them needs"
    twin.network.predict(twin.x)
    assert twin.network.arena_bytes == max(told.values())
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


# Each in a process of its own: what others left to the allocator would be in the way.
PHOTOS = """
import gc
import weakref
gc.disable()
import numpy as np
from cnnfast import _core, ops
from support.machine import resident_bytes, run_python
kernel = np.ones((3, 3, 3, 16), np.float32)
ops.conv(np.ones((1, 8, 8, 3), np.float32), kernel)
before, largest = resident_bytes(), 0
for i in range(36):
    shape = (570 + 11 * (i % 6), 760 + 13 * (i // 6), 3)
    graph = _core.Graph()
    window = graph.input(shape, "x"), 16, (3, 3), (1, 1), "valid", (1, 1), 1
    out = graph.conv(*window, False, "channels_last", "c")
    largest = max(largest, _core.Network(graph, out).memory(1, "predict"))
    ops.conv(np.ones((1, *shape), np.float32), kernel)
print(largest, resident_bytes() - before)
"""

BATCHES = """
import gc
import weakref
gc.disable()
import numpy as np
import cnnfast
from cnnfast import layers
from support.machine import resident_bytes, run_python
model = cnnfast.Sequential([cnnfast.Input((32, 32, 3))])
for filters in (32, 64, 64):
    model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
model.add(layers.Flatten())
model.add(layers.Dense(10))
model.compile("adam", cnnfast.losses.SparseCategoricalCrossentropy(from_logits=True))
x, y = np.ones((64, 32, 32, 3), np.float32), np.zeros(64, np.int32)
model.train_on_batch(x[:1], y[:1])
told, before = model.memory(64), resident_bytes()
for n in (64, 3, 17, 40, 8, 33, 64, 50, 20, 61):
    model.train_on_batch(x[:n], y[:n])
    model.predict_on_batch(x[:n])
print(max(told, model.memory(64, training=False)), resident_bytes() - before)
"""

MODELS = """
import gc
import weakref
gc.disable()
import numpy as np
import cnnfast
from cnnfast import layers
from support.machine import resident_bytes, run_python
x, y = np.ones((64, 32, 32, 3), np.float32), np.zeros(64, np.int32)
def use():
    model = cnnfast.Sequential([cnnfast.Input((32, 32, 3))])
    for filters in (32, 64, 64):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
    model.add(layers.Flatten())
    model.add(layers.Dense(10))
    model.compile("adam", cnnfast.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=64, verbose=0)
    return model, resident_bytes()
before, most = resident_bytes(), 0
for _ in range(24):
    model, now = use()
    most = max(most, now - before)
    told = model.memory(64)
    del model
print(told, most)
"""


@pytest.mark.parametrize("code", [PHOTOS, BATCHES, MODELS], ids=["photos", "batches", "models"])
def test_growth_is_what_the_largest_needs(code: str) -> None:
    told, growth = map(int, run_python(code, timeout=300).split())
    assert told > 10 * MEBI
    assert growth <= 1.5 * told, f"grew by {growth / MEBI:.1f} MiB, {told / MEBI:.1f} were told"


def test_a_dropped_model_is_freed_at_once() -> None:
    """By reference counts: nothing is left to the collector, whatever was done with the model."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        shared = cnnfast.layers.Dense(4, name="shared")
        source = cnnfast.Input((4,))
        inner = cnnfast.Model(source, shared(shared(source)))
        model = cnnfast.Sequential([cnnfast.Input((4,)), inner, cnnfast.layers.Dense(2)])
        optimizer = cnnfast.optimizers.Adam()
        model.compile(optimizer, "mse")
        history = model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0, epochs=2)
        part = cnnfast.Model(model.input, model.layers[0](model.input))
        part.predict(np.ones((2, 4)), verbose=0)
        model.layers[1](np.ones((2, 4), np.float32))
        model.summary(print_fn=lambda line: None)
        model.profile(np.ones((2, 4)), runs=1)
        watched = [
            *(weakref.ref(each) for each in (model, inner, part, model.network, part.network)),
            *(weakref.ref(layer) for layer in (*model.layers, *inner.layers)),
            *(weakref.ref(variable) for variable in model.weights),
        ]
        assert all(watch() is not None for watch in watched)
        del model, inner, part, source, shared
        assert [watch() for watch in watched] == [None] * len(watched)
        assert optimizer.iterations == 0, "of no model"
        assert len(history.history["loss"]) == 2
    finally:
        if enabled:
            gc.enable()


class _Own(cnnfast.layers.Layer):
    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, inputs: Any) -> Any:
        self.add_loss(cnnfast.ops.mean(cnnfast.ops.square(inputs)) * 1e-3)
        return inputs * self.scale


class _Called(cnnfast.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = cnnfast.layers.Dense(3, activity_regularizer="l2")
        self.own, self.last = _Own(), cnnfast.layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.last(self.own(self.first(inputs)))


def _of_own_layers() -> Any:
    return cnnfast.Sequential([cnnfast.Input((4,)), _Own(), cnnfast.layers.Dense(2)])


def _frozen_at_first() -> Any:
    first = cnnfast.layers.Dense(3, trainable=False)
    return cnnfast.Sequential([cnnfast.Input((4,)), first, cnnfast.layers.Dense(2)])


@pytest.mark.parametrize("make", [_Called, _of_own_layers, _frozen_at_first])
def test_of_a_dropped_model_nothing_is_left(make: Callable[[], Any]) -> None:
    """No graph that was traced for it, and nothing that was kept while it trained."""

    def ours() -> int:
        return sum(str(type(each).__module__).startswith("cnnfast") for each in gc.get_objects())

    x, y = np.ones((8, 4), np.float32), np.ones((8, 2), np.float32)

    def use() -> None:
        model = make()
        model.compile("adam", lambda true, got: cnnfast.ops.square(true - got), metrics=["mae"])
        model.fit(x, y, epochs=3, verbose=0, validation_data=(x, y), cache_frozen=True)
        model.gradients(x, wrt=model.layers[0])
        model(x[:2])
        cnnfast.Sequential([cnnfast.Input((4,)), model]).predict(x, verbose=0)

    use()  # what is made once a process
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        before = ours()
        use()
        assert ours() == before
    finally:
        if enabled:
            gc.enable()


def test_the_output_of_a_model_with_a_call_outlives_its_name() -> None:
    def part() -> Any:
        model = _Called()
        model.build((None, 4))
        return cnnfast.Model(model.input, cnnfast.layers.ReLU()(model.output))

    model = part()
    assert (model.predict(np.ones((2, 4)), verbose=0) >= 0).all()
    assert len(model.weights) == 5


def test_operations_keep_no_weights() -> None:
    """What `ops` keeps for later calls does not grow with the weights that it was given."""
    from cnnfast import ops

    x = np.ones((1, 2048), np.float32)
    for width in range(1000, 1040):
        ops.dense(x, np.ones((2048, width), np.float32))
    before = resident_bytes()
    for width in range(1040, 1080):
        ops.dense(x, np.ones((2048, width), np.float32))
    growth = resident_bytes() - before
    assert growth < 24 * MEBI, f"grew by {growth / MEBI:.1f} MiB over 40 kernels of 8 MiB"
