"""Concatenations whose parts are made in place: the same bits, and no copies where parts lie in one piece."""

from collections.abc import Callable

import numpy as np
import pytest
from support.nets import adam, set_weights

import cnnfast
from cnnfast import _core, layers

Graph = _core.Graph
Part = tuple[int, int]  # a value and its channels


def _conv(graph: Graph, src: int, filters: int, kernel: int = 1) -> Part:
    size = (kernel, kernel)
    name = f"conv_{len(graph.weights)}"
    return graph.conv(src, filters, size, (1, 1), "same", (1, 1), 1, True, "channels_last", name), filters


def _joined(graph: Graph, *parts: Part) -> Part:
    value = graph.concatenate([value for value, _ in parts], 2, f"joined_{len(graph.weights)}")
    return value, sum(channels for _, channels in parts)


def _branches(graph: Graph, x: int) -> Part:
    """Of an Inception block; the last one has an odd number of channels."""
    trunk, _ = _conv(graph, x, 16)
    return _joined(graph, _conv(graph, trunk, 32), _conv(graph, trunk, 16, 3), _conv(graph, trunk, 21))


def _dense_block(graph: Graph, x: int) -> Part:
    """Each layer reads all before it: the whole block is one piece of memory."""
    value = _conv(graph, x, 16)
    for _ in range(3):
        value = _joined(graph, value, _conv(graph, value[0], 16, 3))
    return value


def _twice(graph: Graph, x: int) -> Part:
    """One value in two places, and in two concatenations."""
    first, second = _conv(graph, x, 16), _conv(graph, x, 16, 3)
    both = _joined(graph, first, first, second)
    return _joined(graph, second, both, first)


def _with_input(graph: Graph, x: int) -> Part:
    """The caller's array is where it is."""
    return _joined(graph, (x, 16), _conv(graph, x, 32))


BLOCKS: dict[str, tuple[Callable[[Graph, int], Part], int]] = {  # and how many steps still copy
    "branches": (_branches, 0),
    "dense block": (_dense_block, 0),
    "twice": (_twice, 1),
    "with input": (_with_input, 1),
}


def _network(block: str, in_place: bool, algorithm: str = "blocked") -> "_core.Network":
    graph = Graph()
    value, channels = BLOCKS[block][0](graph, graph.input((6, 7, 16), "x"))
    value = graph.activation(value, "relu", "relu")
    value, _ = _conv(graph, value, 16)
    value = graph.dense(graph.flatten(value, "channels_last", "flat"), 3, True, "head")
    network = _core.Network(graph, value)
    rng = np.random.default_rng(1)
    set_weights(network, [rng.normal(size=w.shape) * 0.2 for w in network.weights])
    network.force_algorithm("conv2d", algorithm)
    network.disable_pass("place_inside", not in_place)
    assert channels >= 48
    return network


def _copies(network: "_core.Network", batch: int, mode: str = "predict") -> int:
    steps = network.plan(batch, mode)  # type: ignore[arg-type]
    return sum(step["op"] == "move" and step["direction"] == "forward" for step in steps)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    ("batch", "algorithm"), [(1, "blocked"), (3, "blocked"), (16, "lanes"), (32, "lanes")]
)
def test_bits_are_the_same(block: str, batch: int, algorithm: str, isa: str) -> None:
    network, plain = (_network(block, in_place, algorithm) for in_place in (True, False))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, 6, 7, 16)).astype(np.float32)
    grad = rng.normal(size=(batch, 3)).astype(np.float32)
    np.testing.assert_array_equal(network.predict(x), plain.predict(x))
    (grad_x, grads), (plain_x, plain_grads) = network.vjp(x, grad), plain.vjp(x, grad)
    for got, ref in zip([grad_x, *grads], [plain_x, *plain_grads], strict=True):
        np.testing.assert_array_equal(got, ref)
    y = np.arange(batch, dtype=np.int32) % 3
    for each in (network, plain):
        each.configure("sparse_categorical_crossentropy", True, [], adam())
    for _ in range(3):
        assert network.train_step(x, y) == plain.train_step(x, y)


@pytest.mark.parametrize("block", BLOCKS)
def test_one_sample_is_not_copied(block: str) -> None:
    network, plain = _network(block, True), _network(block, False)
    assert _copies(network, 1) == BLOCKS[block][1] <= _copies(plain, 1)
    assert network.memory(1, "predict") <= plain.memory(1, "predict")
    assert _copies(network, 2) == _copies(plain, 2)


def test_sixteen_samples_in_the_lanes_are_not_copied() -> None:
    assert _copies(_network("branches", True, "lanes"), 16) == 0


def test_a_part_may_be_an_output() -> None:
    graph = Graph()
    x = graph.input((6, 7, 16), "x")
    first, second = _conv(graph, x, 16), _conv(graph, x, 16, 3)
    whole, _ = _joined(graph, first, second)
    network = _core.Network(graph, [first[0], whole, second[0]])
    rng = np.random.default_rng(1)
    set_weights(network, [rng.normal(size=w.shape) for w in network.weights])
    network.force_algorithm("conv2d", "blocked")
    one, both, other = network.predict([rng.normal(size=(1, 6, 7, 16)).astype(np.float32)])
    np.testing.assert_array_equal(both, np.concatenate([one, other], -1))


def test_gates_of_channels_stay_in_their_layout() -> None:
    """Squeeze and excite: the product of an image and a number a channel is one pass over the image."""
    inputs = cnnfast.Input((8, 8, 16))
    image = layers.Conv2D(32, 3, activation="relu")(inputs)
    gates = layers.Conv2D(32, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(image))
    product = layers.Multiply(name="product")([image, gates])
    model = cnnfast.Model(inputs, layers.Conv2D(16, 1)(product))
    rows = model.profile(np.zeros((1, 8, 8, 16), np.float32)).rows
    (row,) = (row for row in rows if row.layer == "product")
    assert row.bytes <= 4 * 32 * (6 * 6 * 2 + 1)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_an_enlarged_image_is_made_in_its_part(interpolation: str) -> None:
    """U-Net: upsampling writes straight into the concatenation, which then has what was written."""
    inputs = cnnfast.Input((6, 8, 16))
    skip = layers.Conv2D(16, 3, padding="same")(inputs)
    coarse = layers.Conv2D(32, 3, 2, padding="same")(skip)
    fine = layers.UpSampling2D(2, interpolation=interpolation)(coarse)
    joined = layers.Concatenate(name="joined")([fine, skip])
    model = cnnfast.Model(inputs, [layers.Conv2D(16, 1)(joined), fine, skip])
    x = np.random.default_rng(0).normal(size=(1, 6, 8, 16)).astype(np.float32)
    assert not [row for row in model.profile(x).rows if row.layer == "joined"]
    head, *parts = model.predict(x)
    kernel, bias = (np.asarray(w) for w in model.layers[-1].get_weights())
    want = np.concatenate(parts, -1).astype(np.float64) @ kernel[0, 0] + bias
    np.testing.assert_allclose(head, want, atol=1e-5)
