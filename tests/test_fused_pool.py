"""Convolutions that take a following 2x2 maximum: a separate pooling's bits, and the float64 oracle."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from reference.conv import conv_grad
from reference.dense import activation, activation_grad
from reference.pool import max_pool, max_pool_grad
from support.conv_cases import GRADIENTS, ConvCase, allowed
from support.nets import Float, set_weights, sgd
from support.numerical import assert_within

from cnnfast import _core

SAME = ConvCase(2, (12, 12), 32, 32, 1, (3, 3), (1, 1), (1, 1), "same", "channels_last")
WINOGRADS = ["winograd_f2", "winograd", "winograd_f6"]
WEIGHTS_BY = {**dict.fromkeys(WINOGRADS, "winograd"), "winograd_s2": "blocked"}  # their gradient
BLOCKED = ["blocked", *WINOGRADS]  # whose fused results have the bits of separate ones

CHANGES: list[dict[str, Any]] = [
    *({"image": image} for image in [(2, 2), (3, 2), (4, 4), (5, 4), (6, 7), (7, 13), (8, 8), (13, 9)]),
    {"image": (5, 7), "padding": "valid"},
    {"image": (7, 8), "padding": ((2, 0), (1, 4))},
    {"ic": 64, "oc": 96, "groups": 2, "image": (9, 6)},
    {"batch": 23, "image": (7, 9), "oc": 33},  # blocks of tiles of several samples
    {"image": (10, 7), "oc": 145},  # tasks share tiles
    {"batch": 1, "image": (8, 70), "ic": 80, "oc": 20},  # two panels of weights, two tasks of rows
    {"data_format": "channels_first", "use_bias": False},
]
BLOCKED_CHANGES: list[dict[str, Any]] = [
    {"ic": 3, "image": (30, 33)},
    {"ic": 1, "kernel": (5, 5), "padding": "valid", "image": (28, 28), "data_format": "channels_first"},
    {"kernel": (7, 7), "strides": (2, 2), "ic": 3, "image": (37, 36)},
    {"kernel": (1, 1), "strides": (2, 2), "image": (12, 11)},
    {"kernel": (3, 2), "dilation": (2, 1), "image": (3, 5)},
]
STRIDE2_CHANGES: list[dict[str, Any]] = [
    *({"image": image} for image in [(4, 5), (8, 9), (17, 26)]),
    {"image": (15, 21), "padding": ((1, 1), (1, 1)), "oc": 145},
]
CASES = [
    *((case, name) for case in (replace(SAME, **changes) for changes in CHANGES) for name in BLOCKED),
    *((replace(SAME, **changes), "blocked") for changes in BLOCKED_CHANGES),
    *((replace(SAME, strides=(2, 2), **changes), "winograd_s2") for changes in STRIDE2_CHANGES),
]
over_cases = pytest.mark.parametrize(("case", "algorithm"), CASES, ids=str)


@pytest.fixture(autouse=True)
def fast(precision: Callable[[Any], None]) -> None:
    """All algorithms are allowed."""
    precision("fast")


def pooled_network(case: ConvCase, algorithm: str, kind: Any = "relu", fused: bool = True) -> Any:
    """Convolution, activation, pooling; the plan is checked to be fused or not."""
    graph = _core.Graph()
    value = graph.conv(
        graph.input(case.shape, "input"),
        *(case.oc, case.kernel, case.strides, case.padding, case.dilation, case.groups, case.use_bias),
        *(case.data_format, "conv2d"),
    )
    value = graph.activation(value, kind, "activation")
    value = graph.max_pool(value, (2, 2), (2, 2), "valid", False, case.data_format, "pool")
    network = _core.Network(graph, value)
    set_weights(network, list(case.arrays[1 : 3 if case.use_bias else 2]))
    network.force_algorithm("conv2d", algorithm)
    if not fused:
        network.disable_pass("fuse_pool")
    assert any(step["op"] == "pool" for step in network.plan(case.batch, "vjp")) != fused
    return network


def grad_of(out: Float) -> Float:
    """A gradient of an output of this shape."""
    return np.random.default_rng(5).normal(size=out.shape).astype(np.float32)


def results(network: Any, x: Float) -> list[Float]:
    """The output, and the gradients of the image and of the parameters."""
    out = network.predict(x)
    grad_x, grads = network.vjp(x, grad_of(out))
    return [out, grad_x, *grads]


def assert_same_bits(case: ConvCase, algorithm: str, x: Float, kind: str = "relu") -> list[Float]:
    """Fused and separate results; returns the fused ones."""
    fused = results(pooled_network(case, algorithm, kind), x)
    for got, ref in zip(fused, results(pooled_network(case, algorithm, kind, False), x), strict=True):
        np.testing.assert_array_equal(got, ref)
    return fused


@over_cases
def test_bits(case: ConvCase, algorithm: str, isa: str) -> None:
    assert_same_bits(case, algorithm, case.arrays[0])


@over_cases
def test_values(case: ConvCase, algorithm: str, isa: str) -> None:
    x, kernel, _, _ = case.arrays
    full, window = case.expected[0], {"pool_size": (2, 2), "data_format": case.data_format}
    out, *grads = results(pooled_network(case, algorithm), x)
    pooled, bound = max_pool(full, **window), max_pool(case.bounds[0], **window)
    terms, grad_terms = case.terms
    assert_within(out, activation("relu", pooled), *allowed(algorithm, bound, terms), "output")
    grad = max_pool_grad(full, activation_grad("relu", pooled, grad_of(out)), **window)
    refs = conv_grad(x, kernel, grad, **case.geometry)
    bounds = conv_grad(np.abs(x), np.abs(kernel), np.abs(grad), **case.geometry)
    for got, ref, most, count, name in zip(
        grads, refs, bounds, (grad_terms[0], *grad_terms[1:]), GRADIENTS, strict=False
    ):
        by = WEIGHTS_BY.get(algorithm, algorithm) if name == "grad_kernel" else algorithm
        assert_within(got, ref, *allowed(by, most, count), name)


@pytest.mark.parametrize("kind", ["linear", "relu", "sigmoid"])
@pytest.mark.parametrize("algorithm", BLOCKED)
def test_ties(algorithm: str, kind: str, isa: str) -> None:
    """The first of equals gets the gradient, and large biases make many sums equal."""
    case = replace(SAME, image=(14, 14), ic=16, oc=16)
    x = np.round(case.arrays[0])
    network = pooled_network(case, algorithm, kind)
    for at_once in (network, pooled_network(case, algorithm, kind, fused=False)):
        at_once.weights[1].assign(np.full(16, 1e7, np.float32))
    for got, ref in zip(results(network, x), results(at_once, x), strict=True):
        np.testing.assert_array_equal(got, ref)


@pytest.mark.parametrize("algorithm", BLOCKED)
def test_nan_is_not_hidden(algorithm: str, isa: str) -> None:
    x = SAME.arrays[0].copy()
    x[0, 5, 6, 7] = np.nan
    out = assert_same_bits(SAME, algorithm, x)[0]
    assert np.isnan(out).any()


@pytest.mark.parametrize("algorithm", BLOCKED)
def test_training(algorithm: str, threads: Callable[[int], None], isa: str) -> None:
    """Two such layers train as separate ones do, on any number of threads."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(9, 13, 14, 16)).astype(np.float32)
    y = np.arange(9, dtype=np.int32) % 4

    def losses(fused: bool) -> list[list[float]]:
        graph = _core.Graph()
        value = graph.input((13, 14, 16), "input")
        for name in ("first", "second"):
            value = graph.conv(
                value, 32, (3, 3), (1, 1), "same", (1, 1), 1, True, "channels_last", name + "_conv"
            )
            value = graph.activation(value, "relu", name + "_relu")
            value = graph.max_pool(value, (2, 2), (2, 2), "valid", False, "channels_last", name + "_pool")
        network = _core.Network(
            graph, graph.dense(graph.flatten(value, "channels_last", "flat"), 4, True, "d")
        )
        weights = np.random.default_rng(3)
        shapes = [(3, 3, 16, 32), (32,), (3, 3, 32, 32), (32,), (3 * 3 * 32, 4), (4,)]
        set_weights(network, [weights.normal(size=shape).astype(np.float32) * 0.1 for shape in shapes])
        network.force_algorithm("conv2d", algorithm)
        if not fused:
            network.disable_pass("fuse_pool")
        network.configure("sparse_categorical_crossentropy", True, [], sgd(0.05))
        return [network.train_step(x, y) for _ in range(3)]

    threads(1)
    expected = losses(False)
    for count in (1, 2, 5):
        threads(count)
        assert losses(True) == expected
    assert expected[-1] < expected[0]


def test_tiles_with_odd_sides_stay_apart() -> None:
    """A window would lie in two of them."""
    case = replace(SAME, strides=(2, 2))
    with pytest.raises(AssertionError):
        pooled_network(case, "winograd_s2_f5")
    pooled_network(case, "winograd_s2")


@pytest.mark.parametrize("batch", [16, 19])
def test_padded_batch_in_lanes_stays_apart(batch: int) -> None:
    """Its kernel pools one rectangle, and a padded convolution has nine."""
    case = replace(SAME, batch=batch)
    with pytest.raises(AssertionError):
        pooled_network(case, "lanes")
    pooled_network(replace(case, padding="valid"), "lanes")


def test_what_follows_two_layers_is_not_fused() -> None:
    """A shortcut needs the image before pooling."""
    graph = _core.Graph()
    x = graph.input((8, 8, 16), "input")
    conv = graph.conv(x, 16, (3, 3), (1, 1), "same", (1, 1), 1, True, "channels_last", "conv2d")
    pooled = graph.max_pool(conv, (2, 2), (2, 2), "valid", False, "channels_last", "pool")
    again = graph.max_pool(conv, (3, 3), (2, 2), "same", False, "channels_last", "again")
    network = _core.Network(graph, graph.add([pooled, again], "add"))
    assert sum(step["op"] == "pool" for step in network.plan(1, "predict")) == 2


def test_sum_behind_a_fused_pooling() -> None:
    """The convolution has no place for a summand there."""
    graph = _core.Graph()
    x = graph.input((8, 8, 16), "input")
    pools = []
    for name in ("first", "second"):
        conv = graph.conv(x, 16, (3, 3), (1, 1), "same", (1, 1), 1, True, "channels_last", name)
        pools.append(graph.max_pool(conv, (2, 2), (2, 2), "valid", False, "channels_last", name + "_pool"))
    network = _core.Network(graph, graph.add(pools, "add"))
    rng = np.random.default_rng(4)
    set_weights(network, [rng.normal(size=s).astype(np.float32) for s in [(3, 3, 16, 16), (16,)] * 2])
    image = rng.normal(size=(2, 8, 8, 16)).astype(np.float32)
    fused = network.predict(image)
    assert {step["op"] for step in network.plan(2, "predict")} >= {"conv2d", "add"}
    network.disable_pass("fuse_pool")
    np.testing.assert_array_equal(network.predict(image), fused)
